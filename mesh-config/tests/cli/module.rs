//! `module sign`, `module verify`, and what `render` takes of a module.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::*;

const WASM: &[u8] = b"\0asm\x01\0\0\0\0\0";
const SBOM: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"serde"}]}"#;

/// A folder with a signed module.
fn signed() -> (TempDir, String) {
    let folder = folder();
    fs::write(folder.path().join("m.wasm"), WASM).unwrap();
    fs::write(folder.path().join("sbom.json"), SBOM).unwrap();
    let pin = signer(folder.path(), "release");
    ok(
        folder.path(),
        "module sign m.wasm --sbom sbom.json --keys release",
    );
    (folder, pin)
}

fn verify(pin: &str) -> String {
    format!("module verify m.wasm --sbom sbom.json --authority {pin}")
}

#[test]
fn verifies_a_module_and_its_bill_of_materials_together() {
    let (folder, pin) = signed();
    let folder = folder.path();
    let report = json(&ok(folder, &format!("{} --output json", verify(&pin))));
    let sha256 = sallyport_engine::hexadecimal::encode(&sallyport_credentials::sha256(WASM));
    assert_eq!(report["sha256"], sha256);
    assert_eq!(
        (&report["components"], &report["authority"]),
        (&1.into(), &"release".into())
    );
    for (file, bytes, code) in [
        ("m.wasm", &b"\0asm\x01\0\0\0\0\x01"[..], "SP708"),
        ("m.wasm", b"\0asm", "SP731"),
        (
            "sbom.json",
            SBOM.replace("serde", "Serde").as_bytes(),
            "SP708",
        ),
        ("sbom.json", b"{}", "SP731"),
        (
            "sbom.json",
            SBOM.replace("components", "other").as_bytes(),
            "SP731",
        ),
    ] {
        let before = fs::read(folder.join(file)).unwrap();
        fs::write(folder.join(file), bytes).unwrap();
        assert_eq!(refused(folder, &verify(&pin)), [code], "{file}");
        fs::write(folder.join(file), before).unwrap();
    }
    // Signed as something else.
    fs::copy(folder.join("m.wasm.sig"), folder.join("policy.yaml.sig")).unwrap();
    let manifest = include_str!("../data/artifacts/models.yaml");
    fs::write(folder.join("policy.yaml"), manifest).unwrap();
    let line = format!("artifacts verify policy.yaml --authority {pin}");
    assert_eq!(refused(folder, &line), ["SP704"]);
}

fn render(folder: &Path, more: &str) -> std::process::Output {
    let list = "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n  \
        - {name: orders, namespace: orders, ports: [{port: 8080, protocol: http}]}\n";
    fs::write(folder.join("workloads.yaml"), list).unwrap();
    let fixed = "render --target wasmplugin --istio-version 1.31 --policy policy.yaml \
        --workloads workloads.yaml --output json";
    run(folder, &format!("{fixed} {more}"))
}

#[test]
fn render_takes_the_digest_of_a_module_that_it_verified() {
    let (folder, pin) = signed();
    let folder = folder.path();
    let url = "--module https://host.example/m.wasm";
    let file = format!("--module-file m.wasm --module-sbom sbom.json --module-authority {pin}");
    let output = render(folder, &format!("{url} {file}"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let sha256 = sallyport_engine::hexadecimal::encode(&sallyport_credentials::sha256(WASM));
    assert!(stdout(&output).contains(&sha256));

    let refused = |more: &str| {
        let output = render(folder, more);
        assert_eq!((code(&output), output.stdout.len()), (1, 0), "{more}");
        error(&output)["findings"][0]["code"].clone()
    };
    let zeros = "0".repeat(64);
    assert_eq!(
        refused(&format!("{url} {file} --module-sha256 {zeros}")),
        "SP732"
    );
    let image = format!("--module oci://host.example/m@sha256:{zeros} {file}");
    assert_eq!(refused(&image), "SP732");
    fs::write(folder.join("m.wasm"), b"\0asm\x01\0\0\0changed").unwrap();
    assert_eq!(refused(&format!("{url} {file}")), "SP708");
    let output = render(folder, &format!("{url} --module-file m.wasm"));
    assert_eq!(code(&output), 3, "an unverified file is not taken");
}
