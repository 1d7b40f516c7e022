//! The software bill of materials in CycloneDX's JSON. It has neither a time nor a serial number, so the same source gives the same file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::components::{Component, Components};
use super::{NAME, VERSION};

pub(super) fn write(components: &Components, file: &Path) -> Result<()> {
    let program = format!("pkg:generic/{NAME}@{VERSION}");
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": program,
                "name": NAME,
                "version": VERSION,
                "purl": program,
                "licenses": [{ "license": { "id": "Apache-2.0" } }],
            },
        },
        "components": components.0.iter().map(component).collect::<Vec<_>>(),
    });
    let text = format!("{bill:#}\n");
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn component(component: &Component) -> serde_json::Value {
    json!({
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "licenses": [{ "expression": component.licence }],
    })
}
