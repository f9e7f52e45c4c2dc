# The import ID is the project's name.
terraform import kontraktor_project.billing billing
