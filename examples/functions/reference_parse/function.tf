# Functions of a provider need Terraform 1.8, and the provider in required_providers.
output "parts" {
  value = provider::kontraktor::reference_parse("vault://team/secret/app/db?version=3#password")
}

# As a check of an input: what is no reference is refused when planning.
variable "db_password" {
  type    = string
  default = "aws-sm://prod/billing/db?stage=AWSCURRENT#password"

  validation {
    condition     = can(provider::kontraktor::reference_parse(var.db_password))
    error_message = "db_password must be a secret reference, such as vault://team/secret/app/db#password."
  }
}
