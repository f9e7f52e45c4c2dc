terraform {
  required_version = ">= 1.8"

  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

provider "kontraktor" {}

locals {
  legacy = provider::kontraktor::dotenv_decode(file("${path.module}/.env"))
}

# Imports exactly the keys of the file. Delete this block after the apply.
import {
  to = kontraktor_variables.legacy
  id = "legacy/dev:${join(",", keys(local.legacy))}"
}

resource "kontraktor_variables" "legacy" {
  project   = "legacy"
  env       = "dev"
  variables = local.legacy
}

output "keys" {
  description = "The keys that this configuration manages."
  value       = keys(kontraktor_variables.legacy.variables)
}
