terraform {
  required_providers {
    kontraktor = { source = "registry.terraform.io/kontraktor/kontraktor" }
  }
}

resource "kontraktor_variable" "app_url" {
  project = "infra-demo"
  env     = "dev"
  key     = "APP_URL"
  value   = "https://dev.demo.example.com"
}
