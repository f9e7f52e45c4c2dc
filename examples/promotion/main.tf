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

variable "revision" {
  description = "The revision of staging to promote. Defaults to the newest."
  type        = number
  default     = null
}

locals {
  # Settings that differ on purpose are never promoted.
  prod_only = {
    APP_URL   = "https://shop.example.com"
    LOG_LEVEL = "warn"
  }
}

data "kontraktor_environment" "staging" {
  project  = "shop"
  env      = "staging"
  own_only = true
  at       = var.revision
}

resource "kontraktor_environment" "prod" {
  project     = "shop"
  env         = "prod"
  description = "What customers see"
}

resource "kontraktor_variables" "prod" {
  project   = kontraktor_environment.prod.project
  env       = kontraktor_environment.prod.env
  ownership = "exclusive"

  typed = merge(
    {
      for key, value in data.kontraktor_environment.staging.variables :
      key => { value = value, type = data.kontraktor_environment.staging.types[key] }
    },
    {
      for key, value in local.prod_only :
      key => { value = value, type = "string" }
    },
  )
}

data "kontraktor_environment_diff" "promoted" {
  own_only = true

  from {
    project = "shop"
    env     = "staging"
    at      = var.revision
  }
  to {
    env = "prod"
  }

  # Read after the promotion.
  depends_on = [kontraktor_variables.prod]
}

output "promoted" {
  description = "The promoted revision of staging, and the keys that differ on purpose."
  value = {
    revision = data.kontraktor_environment.staging.revision
    differ   = sort(keys(data.kontraktor_environment_diff.promoted.changed))
    added    = sort(keys(data.kontraktor_environment_diff.promoted.added))
  }
}
