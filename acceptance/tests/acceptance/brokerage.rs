//! Secrets on their whole way: from real vaults through the real daemon to terraform and `ktr`, and to nowhere else.

mod api;
mod faults;
mod kinds;
mod ktr;
mod leases;
mod running;
mod terraform;

use std::{fs, path::Path};

use serde_json::json;
use testkit::{World, servers::Vault};

/// A value that is looked for where it must not be.
pub(crate) const SECRET: &str = "s3cr3t-6b1f-must-not-stay";

/// A Vault with a few secrets, and a daemon that knows it as `team`.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) vault: Vault,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// `more` goes into the vault's table in the daemon's configuration.
    fn with(more: &str) -> Self {
        let vault = Vault::start();
        vault.put("secret/data/app/db", &json!({"data": {"password": SECRET, "user": "app", "port": 5432}}));
        let mut world = World::without_daemon();
        let token = world.path().join("token");
        fs::write(&token, vault.root_token()).expect("the scratch directory takes a file");
        world.configure(&team(vault.address(), &token, more));
        world.start();
        Self { world, vault }
    }

    /// Another version of the password.
    fn rotate(&self, password: &str) {
        self.vault.put("secret/data/app/db", &json!({"data": {"password": password, "user": "app"}}));
    }

    /// Nothing of the secret is in the data directory, the logs, the state or a plan.
    #[track_caller]
    pub(crate) fn no_trace(&self) {
        assert_eq!(traces(self.world.path(), SECRET), Vec::<String>::new());
    }
}

/// The environment `shop/dev`, with a variable `DB_HOST` and a secret `DB_PASSWORD`.
fn shop() -> Scene {
    let scene = Scene::new();
    scene.world.ktr(&["var", "set", "--create", "shop/dev", "DB_HOST=db.internal"]).ok();
    scene.world.ktr(&["secret", "set", "shop/dev", "DB_PASSWORD=vault://team/secret/app/db#password"]).ok();
    scene
}

fn team(address: &str, token: &Path, more: &str) -> String {
    format!(
        "[[vault]]\nname = \"team\"\nkind = \"vault\"\naddress = \"{address}\"\n\
         auth = {{ method = \"token\", token_file = \"{}\" }}\n{more}\n",
        token.display()
    )
}

/// The files under a folder that hold a text; inside the archives that terraform calls plans, too.
fn traces(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder of ours") {
            let path = entry.expect("a folder of ours").path();
            // Links lead to our binaries.
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let Ok(bytes) = fs::read(&path) else { continue };
            if holds(&bytes) {
                found.push(path.display().to_string());
            }
            let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(&bytes)) else { continue };
            for index in 0..archive.len() {
                let mut inside = Vec::new();
                let mut file = archive.by_index(index).expect("a plan can be read");
                std::io::Read::read_to_end(&mut file, &mut inside).expect("a plan can be read");
                if holds(&inside) {
                    found.push(format!("{}: {}", path.display(), file.name().unwrap_or_default()));
                }
            }
        }
    }
    found
}

/// The search finds what is there: otherwise finding nothing would mean nothing.
#[test]
fn a_trace_would_be_found() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(folder.path().join("deep")).expect("a folder");
    fs::write(folder.path().join("deep/file"), format!("x{SECRET}y")).expect("a file");
    let mut archive = zip::ZipWriter::new(fs::File::create(folder.path().join("plan")).expect("a file"));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("tfplan", options).expect("an archive");
    let long = format!("{}{SECRET}", "x".repeat(10_000));
    std::io::Write::write_all(&mut archive, long.as_bytes()).expect("an archive");
    archive.finish().expect("an archive");
    assert_eq!(traces(folder.path(), SECRET).len(), 2);
}
