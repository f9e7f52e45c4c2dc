data "kontraktor_projects" "all" {}

output "project_names" {
  value = [for project in data.kontraktor_projects.all.projects : project.name]
}
