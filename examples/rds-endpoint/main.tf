terraform {
  required_version = ">= 1.8"

  required_providers {
    kontraktor = {
      source  = "kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}

# Uses the daemon on this machine, or the one in KONTRAKTOR_HOST.
provider "kontraktor" {}

variable "instance_class" {
  description = "How large the database is. Another class is another database, with another endpoint."
  type        = string
  default     = "db.r6g.large"
}

variable "protected" {
  description = "Whether the environment is kept from being deleted."
  type        = bool
  default     = true
}

# Stands in for:  resource "aws_rds_cluster" "main" { … }
resource "terraform_data" "database" {
  triggers_replace = var.instance_class

  input = {
    endpoint        = "main.cluster-${substr(sha256(var.instance_class), 0, 8)}.eu-central-1.rds.example.com"
    reader_endpoint = "main.cluster-ro-${substr(sha256(var.instance_class), 0, 8)}.eu-central-1.rds.example.com"
    port            = 5432
    database_name   = "shop"
  }
}

resource "kontraktor_project" "shop" {
  name        = "shop"
  description = "The web shop"
}

resource "kontraktor_environment" "prod" {
  project             = kontraktor_project.shop.name
  env                 = "prod"
  description         = "What customers see"
  deletion_protection = var.protected
}

resource "kontraktor_variables" "database" {
  project = kontraktor_environment.prod.project
  env     = kontraktor_environment.prod.env

  variables = {
    DB_HOST        = terraform_data.database.output.endpoint
    DB_READER_HOST = terraform_data.database.output.reader_endpoint
    DB_NAME        = terraform_data.database.output.database_name
  }

  typed = {
    DB_PORT = {
      value       = terraform_data.database.output.port
      type        = "number"
      description = "The port of writer and readers alike"
    }
  }
}

output "written" {
  description = "Where the applications find the database."
  value       = "${kontraktor_environment.prod.project}/${kontraktor_environment.prod.env}"
}
