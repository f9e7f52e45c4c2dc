terraform {
  required_version = ">= 1.10"

  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

provider "kontraktor" {}

variable "prod_version" {
  description = "The version of the password that prod uses, as the vault names it."
  type        = string
}

# Staging uses the newest version, so it receives every rotated secret.
resource "kontraktor_secret_reference" "staging" {
  project   = "shop"
  env       = "staging"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/shop/db#password"
  verify    = true
}

# Prod is pinned to one version.
resource "kontraktor_secret_reference" "prod" {
  project     = "shop"
  env         = "prod"
  key         = "DB_PASSWORD"
  reference   = kontraktor_secret_reference.staging.reference
  pin_version = var.prod_version
  verify      = true
}

ephemeral "kontraktor_secret" "prod" {
  id = kontraktor_secret_reference.prod.id
}

# Simulates a resource that uses the password: it is replaced only when prod is pinned to another version.
resource "terraform_data" "database" {
  triggers_replace = [kontraktor_secret_reference.prod.revision]

  provisioner "local-exec" {
    command = "test -n \"$PASSWORD\" && echo \"the password of the database is set\""

    environment = {
      PASSWORD = ephemeral.kontraktor_secret.prod.value
    }
  }
}

data "kontraktor_environment" "staging" {
  project    = "shop"
  env        = "staging"
  depends_on = [kontraktor_secret_reference.staging]
}

output "tried_in_staging" {
  description = "The version that staging last used, and the one to promote to prod next. Null before the first use."
  value       = data.kontraktor_environment.staging.secret_references["DB_PASSWORD"].version
}
