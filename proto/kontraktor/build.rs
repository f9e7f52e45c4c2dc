//! Compiles the .proto files with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 9] = [
    "kontraktor/v1/common.proto",
    "kontraktor/v1/projects.proto",
    "kontraktor/v1/environments.proto",
    "kontraktor/v1/variables.proto",
    "kontraktor/v1/schemas.proto",
    "kontraktor/v1/secrets.proto",
    "kontraktor/v1/audit.proto",
    "kontraktor/v1/access.proto",
    "kontraktor/v1/system.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Served by gRPC reflection.
    fs::write(out.join("kontraktor.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::SmallBufferCodec")
        // What holds secrets is never printed: `secrets` says how it is shown instead.
        .skip_debug([
            "kontraktor.v1.SecretResult",
            "kontraktor.v1.StreamSecretResponse",
            "kontraktor.v1.ServiceAccountCredentials",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
