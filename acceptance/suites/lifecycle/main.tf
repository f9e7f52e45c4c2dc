variable "project" {
  type    = string
  default = "shop"
}

variable "project_description" {
  type    = string
  default = null
}

variable "env" {
  type    = string
  default = "dev"
}

variable "env_description" {
  type    = string
  default = "first"
}

variable "value" {
  type    = string
  default = "one"
}

variable "type" {
  type    = string
  default = "string"
}

variable "description" {
  type    = string
  default = null
}

# The value that an earlier run observed.
variable "revision_before" {
  type    = number
  default = null
}

variable "neighbor_revision_before" {
  type    = number
  default = null
}

resource "kontraktor_project" "this" {
  name        = var.project
  description = var.project_description
}

resource "kontraktor_environment" "this" {
  project     = kontraktor_project.this.name
  env         = var.env
  description = var.env_description
}

resource "kontraktor_variable" "this" {
  project     = kontraktor_environment.this.project
  env         = kontraktor_environment.this.env
  key         = "KEY"
  value       = var.value
  type        = var.type
  description = var.description
}

# Written once, and not affected by changes to the other variable.
resource "kontraktor_variable" "neighbor" {
  project = kontraktor_environment.this.project
  env     = kontraktor_environment.this.env
  key     = "NEIGHBOR"
  value   = "here"
}

data "kontraktor_environment" "this" {
  project    = kontraktor_environment.this.project
  env        = kontraktor_environment.this.env
  depends_on = [kontraktor_variable.this, kontraktor_variable.neighbor]
}

data "kontraktor_variable" "this" {
  project    = kontraktor_environment.this.project
  env        = kontraktor_environment.this.env
  key        = "KEY"
  depends_on = [kontraktor_variable.this]
}

data "kontraktor_projects" "all" {
  depends_on = [kontraktor_project.this]
}

output "revision_of_key" {
  value = kontraktor_variable.this.revision
}

output "revision_of_neighbor" {
  value = kontraktor_variable.neighbor.revision
}
