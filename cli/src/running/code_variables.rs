//! The environment variables by which programs run code: who sets one of them chooses what a command does.
//!
//! A variable is in the table if its value is code or a command line, says where code is loaded from, or holds options that do
//! either, for a program that reads it without being asked to. Not in the table is what only names a server, an account, a
//! locale, a limit or a file of data, and the files in which clients of services are configured (`KUBECONFIG`,
//! `AWS_CONFIG_FILE`): a program asks for those by name. No such table is complete; a command may have variables of its own.

/// Whole names.
const NAMES: &[&str] = &[
    // The C library: converters are shared objects, and tunables change how memory is managed.
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    // Where programs, and the files that they run when they start, are looked for.
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "SHELL",
    // Shells: files to run, options, code in prompts, and how words are split.
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "BASHOPTS",
    "ENV",
    "FPATH",
    "IFS",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "SHELLOPTS",
    "ZDOTDIR",
    // Interpreters: modules to load first, where modules are, and options.
    "AWKLIBPATH",
    "AWKPATH",
    "BUN_OPTIONS",
    "BUNDLE_GEMFILE",
    "ELIXIR_ERL_OPTIONS",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_LIBS",
    "ERL_ZFLAGS",
    "GEM_HOME",
    "GEM_PATH",
    "GUILE_LOAD_PATH",
    "JULIA_DEPOT_PATH",
    "JULIA_LOAD_PATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHP_INI_SCAN_DIR",
    "PHPRC",
    "PYTHONBREAKPOINT",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONPYCACHEPREFIX",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "R_ENVIRON",
    "R_ENVIRON_USER",
    "R_LIBS",
    "R_LIBS_SITE",
    "R_LIBS_USER",
    "R_PROFILE",
    "R_PROFILE_USER",
    "RUBYLIB",
    "RUBYOPT",
    "TCLLIBPATH",
    // Virtual machines: agents and profilers to load, and options of the scripts that start them.
    "_JAVA_OPTIONS",
    "CATALINA_OPTS",
    "CLASSPATH",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_STARTUP_HOOKS",
    "GRADLE_OPTS",
    "JAVA_HOME",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "MAVEN_OPTS",
    // Libraries that load modules.
    "GIO_EXTRA_MODULES",
    "GIO_MODULE_DIR",
    "GTK_MODULES",
    "GTK_PATH",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "QT_PLUGIN_PATH",
    "SASL_PATH",
    // Commands that programs run for a person, for a connection, or for a file.
    "BROWSER",
    "CVS_RSH",
    "EDITOR",
    "EXINIT",
    "FCEDIT",
    "GIT_ASKPASS",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_TEMPLATE_DIR",
    "HGEDITOR",
    "KUBE_EDITOR",
    "KUBECTL_EXTERNAL_DIFF",
    "LESSCLOSE",
    "LESSOPEN",
    "MANPAGER",
    "PAGER",
    "PSQL_EDITOR",
    "PSQL_PAGER",
    "PSQLRC",
    "RSYNC_RSH",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SUDO_EDITOR",
    "SVN_SSH",
    "SYSTEMD_EDITOR",
    "SYSTEMD_PAGER",
    "TAR_OPTIONS",
    "VIMINIT",
    "VISUAL",
    // Build tools: which compiler, linker or wrapper they run.
    "CARGO_ENCODED_RUSTFLAGS",
    "CC",
    "CXX",
    "GNUMAKEFLAGS",
    "GOENV",
    "GOFLAGS",
    "GOROOT",
    "MAKEFILES",
    "MAKEFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    // Terraform: which providers and modules it runs.
    "TERRAFORM_CONFIG",
    "TF_CLI_CONFIG_FILE",
    "TF_DATA_DIR",
    "TF_REATTACH_PROVIDERS",
    // Which daemon ktr and the provider believe, and where they send their tokens.
    "KONTRAKTOR_CA_CERTIFICATE",
    "KONTRAKTOR_DAEMON_UID",
    "KONTRAKTOR_HOST",
    "KONTRAKTOR_TOKEN_URL",
];

/// Beginnings of names.
const PREFIXES: &[&str] = &[
    // The dynamic loaders of Linux and macOS: `LD_PRELOAD`, `LD_AUDIT`, `LD_LIBRARY_PATH`, `DYLD_INSERT_LIBRARIES`, …
    "LD_",
    "DYLD_",
    // Functions that bash imports.
    "BASH_FUNC_",
    // `CORECLR_PROFILER_PATH_64` and `COR_PROFILER_PATH` are shared objects.
    "CORECLR_PROFILER",
    "COR_PROFILER",
    // Configuration of git in the environment, aliases and commands included.
    "GIT_CONFIG",
    // With a version, as in `LUA_INIT_5_4`.
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "CARGO_BUILD_RUSTC",
    "TF_CLI_ARGS",
];

/// Settings of npm that run code, without `npm_config_`. npm reads them in upper and in lower case.
const NPM: &[&str] = &[
    "editor",
    "git",
    "globalconfig",
    "node_options",
    "prefix",
    "script_shell",
    "shell",
    "userconfig",
    "viewer",
];

/// Returns whether programs run code because of a variable with this name.
pub fn runs_code(name: &str) -> bool {
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name
            .to_ascii_lowercase()
            .strip_prefix("npm_config_")
            .is_some_and(|setting| NPM.contains(&setting.replace('-', "_").as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_code_is_recognized_and_nothing_else() {
        for code in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "BASH_ENV",
            "ENV",
            "BASH_FUNC_ls",
            "PYTHONPATH",
            "NODE_OPTIONS",
            "PERL5OPT",
            "RUBYOPT",
            "JAVA_TOOL_OPTIONS",
            "LUA_INIT_5_4",
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "CORECLR_PROFILER_PATH_64",
            "npm_config_node-options",
            "NPM_CONFIG_SCRIPT_SHELL",
            "TF_CLI_ARGS_plan",
            "KONTRAKTOR_DAEMON_UID",
        ] {
            assert!(runs_code(code), "{code}");
        }
        for harmless in [
            "DATABASE_URL",
            "PORT",
            "TZ",
            "LANG",
            "PYTHONUNBUFFERED",
            "NODE_ENV",
            "RAILS_ENV",
            "APP_PATH",
            "MY_LD_PRELOAD",
            "GIT_AUTHOR_NAME",
            "TF_VAR_image",
            "NPM_CONFIG_REGISTRY",
            "AWS_REGION",
            "KUBECONFIG",
            "CARGO_TARGET_DIR",
            "path",
        ] {
            assert!(!runs_code(harmless), "{harmless}");
        }
    }

    #[test]
    fn no_name_is_in_the_table_twice() {
        for (index, name) in NAMES.iter().enumerate() {
            assert!(!NAMES[..index].contains(name), "{name}");
            assert!(
                !PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
                "{name} has a prefix of the table"
            );
        }
    }
}
