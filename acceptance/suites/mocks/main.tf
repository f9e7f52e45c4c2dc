# A typical module of an application team: it reads configuration from one environment and writes another. Its tests mock the
# provider, so they need no daemon.

variable "host" {
  type    = string
  default = "db.internal"
}

resource "kontraktor_project" "shop" {
  name = "shop"
}

resource "kontraktor_environment" "dev" {
  project = kontraktor_project.shop.name
  env     = "dev"
}

resource "kontraktor_variable" "db_host" {
  project = kontraktor_environment.dev.project
  env     = kontraktor_environment.dev.env
  key     = "DB_HOST"
  value   = var.host
}

resource "kontraktor_variables" "features" {
  project = kontraktor_environment.dev.project
  env     = kontraktor_environment.dev.env

  variables = provider::kontraktor::dotenv_decode("SEARCH=on\nCHAT=off\n")
  typed = {
    PAGE_SIZE = { value = "50", type = "number" }
  }
}

resource "kontraktor_variable_schema" "ports" {
  project     = kontraktor_project.shop.name
  name        = "ports"
  key_pattern = ".*_PORT"
  schema      = jsonencode({ type = "integer" })
}

resource "kontraktor_secret_reference" "db_password" {
  project   = kontraktor_environment.dev.project
  env       = kontraktor_environment.dev.env
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/shop/db#password"
}

resource "kontraktor_role_binding" "pipeline" {
  role    = "editor"
  subject = "service-account:ci"
  pattern = "shop/*"
}

data "kontraktor_secret" "token" {
  reference = "vault://team/secret/shop/api#token"
}

data "kontraktor_projects" "all" {}

data "kontraktor_environment" "shared" {
  project = "shared"
  env     = "base"
}

data "kontraktor_variable" "region" {
  project = "shared"
  env     = "base"
  key     = "REGION"
}

data "kontraktor_variable_history" "region" {
  project = "shared"
  env     = "base"
  key     = "REGION"
}

data "kontraktor_environment_diff" "promotion" {
  from {
    project = "shared"
    env     = "base"
  }
  to {
    project = "shop"
    env     = "dev"
  }
}

output "id" {
  value = kontraktor_variable.db_host.id
}

output "revision" {
  value = kontraktor_variable.db_host.revision
}

output "log_level" {
  value = data.kontraktor_environment.shared.variables["LOG_LEVEL"]
}

output "region" {
  value = data.kontraktor_variable.region.value
}

output "secret_id" {
  value = kontraktor_secret_reference.db_password.id
}

output "token_version" {
  value = data.kontraktor_secret.token.version
}

output "projects" {
  value = data.kontraktor_projects.all.names
}

output "features" {
  value = kontraktor_variables.features.variables
}

output "writers" {
  value = [for entry in data.kontraktor_variable_history.region.entries : entry.actor]
}

output "identical" {
  value = data.kontraktor_environment_diff.promotion.identical
}
