terraform {
  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

# Uses the daemon on this machine. All arguments are optional.
provider "kontraktor" {
  timeout = "60s"
}
