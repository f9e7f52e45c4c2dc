# Every argument of a variable is unknown during the plan.

variable "round" {
  type    = string
  default = "1"
}

resource "terraform_data" "host" {
  input            = "db.internal"
  triggers_replace = var.round
}

resource "terraform_data" "settings" {
  input            = { project = "later", env = "dev", key = "HOST", type = "string", description = "known later" }
  triggers_replace = var.round
}

resource "kontraktor_variable" "value" {
  project = "now"
  env     = "dev"
  key     = "HOST"
  value   = terraform_data.host.output
}

resource "kontraktor_variable" "all" {
  project     = terraform_data.settings.output.project
  env         = terraform_data.settings.output.env
  key         = terraform_data.settings.output.key
  type        = terraform_data.settings.output.type
  description = terraform_data.settings.output.description
  value       = terraform_data.host.output
}

# Read only when its arguments are known.
data "kontraktor_environment" "later" {
  project = kontraktor_variable.all.project
  env     = kontraktor_variable.all.env
  prefix  = substr(kontraktor_variable.all.id, 10, 4)
}
