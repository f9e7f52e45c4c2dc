// Reads a dotenv file as a Go library does, and prints the variables as JSON: main godotenv|compose FILE.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/joho/godotenv"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: dotenv-readers godotenv|compose FILE")
		os.Exit(2)
	}
	var variables map[string]string
	var err error
	switch os.Args[1] {
	case "godotenv":
		variables, err = godotenv.Read(os.Args[2])
	case "compose":
		variables, err = compose.Read(os.Args[2])
	default:
		err = fmt.Errorf("unknown reader %q", os.Args[1])
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(variables)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
