# Creates a project, two environments and their variables, and reads one environment back as an application would.

terraform {
  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

# Uses the daemon on this machine, or the one in KONTRAKTOR_HOST.
provider "kontraktor" {}

variable "app_url" {
  description = "The URL of the demo application."
  type        = string
  default     = "https://dev.demo.example.com"
}

resource "kontraktor_project" "demo" {
  name        = "infra-demo"
  description = "The project of the quickstart"
}

resource "kontraktor_environment" "this" {
  for_each = toset(["dev", "prod"])

  project     = kontraktor_project.demo.name
  env         = each.key
  description = "The ${each.key} environment"
}

resource "kontraktor_variable" "app_url" {
  project     = kontraktor_environment.this["dev"].project
  env         = kontraktor_environment.this["dev"].env
  key         = "APP_URL"
  value       = var.app_url
  description = "The URL of the application"
}

resource "kontraktor_variable" "db_host" {
  for_each = kontraktor_environment.this

  project = each.value.project
  env     = each.value.env
  key     = "DB_HOST"
  # Usually an output of a cloud resource, such as aws_rds_cluster.main.endpoint.
  value = "db.${each.key}.internal"
}

resource "kontraktor_variable" "pool_size" {
  project = kontraktor_environment.this["dev"].project
  env     = kontraktor_environment.this["dev"].env
  key     = "DB_POOL_SIZE"
  value   = "10"
  type    = "number"
}

resource "kontraktor_variable" "features" {
  project = kontraktor_environment.this["dev"].project
  env     = kontraktor_environment.this["dev"].env
  key     = "FEATURES"
  value   = jsonencode({ search = true, limits = { per_page = 50 } })
  type    = "json"
}

data "kontraktor_environment" "dev" {
  project = kontraktor_environment.this["dev"].project
  env     = kontraktor_environment.this["dev"].env

  # Read after all variables are written.
  depends_on = [
    kontraktor_variable.app_url,
    kontraktor_variable.db_host,
    kontraktor_variable.pool_size,
    kontraktor_variable.features,
  ]
}

output "dev_variables" {
  description = "The variables of the dev environment."
  value       = data.kontraktor_environment.dev.variables
}
