use alloc::string::String;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// All templates of up to three of these parts, with and without `{**}`.
fn templates() -> Vec<PathTemplate> {
    let mut texts = Vec::from([String::new()]);
    let mut templates = Vec::new();
    for _ in 0..3 {
        texts = texts
            .iter()
            .flat_map(|start| ["a", "b", "{x}"].map(|part| alloc::format!("{start}/{part}")))
            .collect();
        for text in &texts {
            templates.push(text.clone());
            templates.push(alloc::format!("{text}/{{**}}"));
            templates.push(alloc::format!("{text}/"));
        }
    }
    templates.extend(["/".into(), "/{**}".into()]);
    templates.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn finds_what_trying_each_finds() {
    let templates = templates();
    let mut tree = TemplateTree::new();
    for (number, template) in templates.iter().enumerate() {
        tree.insert(template, number);
    }
    let mut paths: Vec<String> = templates
        .iter()
        .map(|template| template.example().replace('x', "c"))
        .collect();
    paths.extend(["/a/b/a/b/a", "/c", "/c/", "/c/c/c/c"].map(String::from));
    for path in &paths {
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        let mut found = Vec::new();
        tree.covering(path, &mut |numbers| found.extend_from_slice(numbers));
        found.sort_unstable();
        let expected: Vec<usize> = (0..templates.len())
            .filter(|number| templates[*number].matches(path))
            .collect();
        assert_eq!(found, expected, "{path}");
    }
}
