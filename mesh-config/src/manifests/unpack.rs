//! From documents to objects.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Manifests, Object};
use crate::finding::{Code, Finding};
use crate::yaml::{self, Lines};

/// Adds the objects of a file. `named`: the file was named, so all of its documents must be objects.
pub(super) fn objects(
    text: &str,
    file: &Arc<Path>,
    named: bool,
    manifests: &mut Manifests,
) -> Result<(), Finding> {
    for document in yaml::parse_manifests(text)? {
        let lines = Arc::new(document.lines);
        let line = lines.of("");
        let is_object = |value: &Value| {
            let has = |key| value.get(key).is_some();
            has("apiVersion") || has("kind")
        };
        if !is_object(&document.value) {
            let code = if named { Code::NoObject } else { Code::LeftOut };
            let finding = Finding::new(code, "", "is no object of Kubernetes: it has no `kind`");
            if named {
                let finding = Finding { line, ..finding };
                return Err(finding.with_hint("name files with Kubernetes manifests only"));
            }
            let finding = finding.in_file(file.display().to_string(), line);
            manifests.left_out.push(finding);
            continue;
        }
        let unpacking = Unpacking {
            file,
            lines: &lines,
        };
        unpacking.unpack(document.value, String::new(), None, &mut manifests.objects)?;
    }
    Ok(())
}

struct Unpacking<'a> {
    file: &'a Arc<Path>,
    lines: &'a Arc<Lines>,
}

/// The type that the items of a list have without saying so.
struct ItemType {
    api_version: String,
    kind: String,
}

impl Unpacking<'_> {
    fn unpack(
        &self,
        value: Value,
        base: String,
        list: Option<&ItemType>,
        objects: &mut Vec<Object>,
    ) -> Result<(), Finding> {
        let Value::Object(mut members) = value else {
            return Err(self.finding(&base, "is no object of Kubernetes"));
        };
        if let Some(list) = list {
            members
                .entry("apiVersion")
                .or_insert_with(|| list.api_version.as_str().into());
            members
                .entry("kind")
                .or_insert_with(|| list.kind.as_str().into());
        }
        let api_version = self.text(&members, "apiVersion", &base)?;
        let kind = self.text(&members, "kind", &base)?;
        if let (Some(item), Some(Value::Array(_))) =
            (kind.strip_suffix("List"), members.get("items"))
        {
            if list.is_some() {
                return Err(self.finding(&base, "is a list within a list"));
            }
            // Items of a `PodList` are pods without saying so; those of a plain `List` must say it.
            let is_typed = !item.is_empty();
            let item = ItemType {
                api_version: if is_typed { api_version } else { String::new() },
                kind: item.to_owned(),
            };
            let items = match members.remove("items") {
                Some(Value::Array(items)) => items,
                Some(_) | None => Vec::new(),
            };
            for (number, value) in items.into_iter().enumerate() {
                self.unpack(value, format!("items[{number}]"), Some(&item), objects)?;
            }
            return Ok(());
        }
        if api_version.is_empty() || kind.is_empty() {
            return Err(self.finding(&base, "has no `apiVersion` or no `kind`"));
        }
        let (namespace, name) = self.names(&members, &base)?;
        objects.push(Object {
            file: Arc::clone(self.file),
            line: self.lines.of(&base).unwrap_or(1),
            api_version,
            kind,
            namespace,
            name,
            value: Value::Object(members),
            lines: Arc::clone(self.lines),
            base,
        });
        Ok(())
    }

    fn names(
        &self,
        members: &Map<String, Value>,
        base: &str,
    ) -> Result<(Option<String>, String), Finding> {
        let empty = Map::new();
        let metadata = match members.get("metadata") {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(metadata)) => metadata,
            Some(_) => return Err(self.finding(&within(base, "metadata"), "is no mapping")),
        };
        let text = |key| match metadata.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => {
                let path = within(base, &format!("metadata.{key}"));
                Err(self.finding(&path, "is no text"))
            }
        };
        Ok((text("namespace")?, text("name")?.unwrap_or_default()))
    }

    fn text(&self, members: &Map<String, Value>, key: &str, base: &str) -> Result<String, Finding> {
        match members.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.finding(&within(base, key), "is no text")),
            None => Err(self.finding(base, &format!("has no `{key}`"))),
        }
    }

    fn finding(&self, path: &str, message: &str) -> Finding {
        Finding {
            line: self.lines.of(path),
            ..Finding::new(Code::NoObject, path, message)
        }
    }
}

fn within(base: &str, key: &str) -> String {
    if base.is_empty() {
        key.to_owned()
    } else {
        format!("{base}.{key}")
    }
}
