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
  description = "The instance class of the database. Changing it replaces the database and its endpoint."
  type        = string
  default     = "db.r6g.large"
}

variable "protected" {
  description = "Whether the environment is protected from deletion."
  type        = bool
  default     = true
}

# Simulates:  resource "aws_rds_cluster" "main" { … }
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
      description = "The port of the writer and the readers"
    }
  }
}

output "written" {
  description = "The environment that holds the database's endpoint."
  value       = "${kontraktor_environment.prod.project}/${kontraktor_environment.prod.env}"
}
