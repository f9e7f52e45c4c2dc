mock_provider "kontraktor" {
  mock_resource "kontraktor_variable" {
    # The mock generates computed values unless they are set here.
    defaults = {
      id       = "shop/dev/DB_HOST"
      type     = "string"
      revision = 7
    }
  }

  mock_resource "kontraktor_secret_reference" {
    defaults = {
      id = "shop/dev/DB_PASSWORD"
    }
  }

  mock_data "kontraktor_secret" {
    defaults = {
      version = "7"
    }
  }

  mock_data "kontraktor_environment" {
    defaults = {
      variables = { LOG_LEVEL = "debug" }
    }
  }

  mock_data "kontraktor_variable" {
    defaults = {
      value = "eu-central-1"
    }
  }

  mock_data "kontraktor_environment_diff" {
    defaults = {
      identical = true
    }
  }

  override_data {
    target = data.kontraktor_projects.all
    values = {
      names = ["shared", "shop"]
    }
  }
}

run "plan" {
  command = plan

  assert {
    condition     = kontraktor_variable.db_host.value == "db.internal"
    error_message = "what the author writes is planned"
  }
}

run "apply" {
  assert {
    condition     = output.id == "shop/dev/DB_HOST" && output.revision == 7
    error_message = "computed attributes are the mock's"
  }
  assert {
    condition     = kontraktor_variable.db_host.type == "string"
    error_message = "and so are defaults"
  }
  assert {
    condition     = output.log_level == "debug" && output.region == "eu-central-1"
    error_message = "and so are those of data sources"
  }
  assert {
    condition     = output.secret_id == "shop/dev/DB_PASSWORD" && output.token_version == "7"
    error_message = "references and secrets are mocked like anything else"
  }
  assert {
    condition     = kontraktor_secret_reference.db_password.verify == false
    error_message = "what a boolean default is made up as: false"
  }
  assert {
    condition     = output.projects == tolist(["shared", "shop"])
    error_message = "a single data source can be overridden"
  }
  assert {
    condition     = output.features == tomap({ SEARCH = "on", CHAT = "off" })
    error_message = "functions are the provider's own"
  }
  assert {
    condition     = output.identical && length(output.writers) == 0
    error_message = "what is not given is made up: an empty list"
  }
  assert {
    condition     = kontraktor_variables.features.typed["PAGE_SIZE"].value == "50"
    error_message = "the elements of a map are the author's"
  }
}

run "override_a_computed_attribute" {
  override_resource {
    target = kontraktor_variable.db_host
    values = {
      revision = 42
    }
  }

  override_data {
    target = data.kontraktor_environment.shared
    values = {
      variables = { LOG_LEVEL = "warn" }
    }
  }

  variables {
    host = "db2.internal"
  }

  assert {
    condition     = kontraktor_variable.db_host.value == "db2.internal"
    error_message = "the author's value is kept"
  }
  assert {
    condition     = output.log_level == "warn"
    error_message = "the override of the run wins"
  }
}
