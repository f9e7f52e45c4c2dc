terraform {
  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

# The daemon on this machine. Every argument is optional.
provider "kontraktor" {
  timeout = "60s"
}
