resource "kontraktor_project" "billing" {
  name = "billing"
}

resource "kontraktor_environment" "prod" {
  project     = kontraktor_project.billing.name
  env         = "prod"
  description = "What customers see"
}
