use std::path::Path;

use proptest::prelude::*;
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::policy::raw::{PostQuantumAssurance, PostQuantumAuth};
use sallyport_engine::policy::{KeyExchangeRule, Mode};
use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Result<MeshSettings, Vec<Finding>> {
    from_text(text, "mesh.yaml")
}

/// The one finding about a text.
fn refused(text: &str) -> Finding {
    let findings = read(text).map(|settings| settings.setting).unwrap_err();
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    assert_eq!(finding.file.as_deref(), Some("mesh.yaml"));
    finding.clone()
}

const OPERATOR: &str = "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: control-plane}
spec:
  profile: default
  meshConfig:
    trustDomain: mesh.example
    SETTING
  values:
    pilot: {env: {COMPLIANCE_POLICY: pqc}}
";
const HELM: &str = "\
global: {meshID: mesh1}
meshConfig:
  enableAutoMtls: true
  SETTING
pilot:
  env: {PILOT_ENABLE_AMBIENT: 'false'}
";
const CONFIG_MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  meshNetworks: 'networks: {}'
  mesh: |-
    defaultConfig:
      discoveryAddress: istiod.istio-system.svc:15012
    SETTING
    trustDomain: cluster.local
";
const PLAIN: &str = "\
# meshConfig itself
trustDomain: mesh.example
SETTING
";
/// Each form with the path and the line of the setting.
const FORMS: [(&str, Form, &str, u64); 4] = [
    (
        OPERATOR,
        Form::IstioOperator,
        "spec.meshConfig.postQuantumAuth",
        8,
    ),
    (HELM, Form::HelmValues, "meshConfig.postQuantumAuth", 4),
    (CONFIG_MAP, Form::ConfigMap, "data.mesh.postQuantumAuth", 9),
    (PLAIN, Form::MeshConfig, "postQuantumAuth", 3),
];

fn with(form: &str, setting: &str) -> String {
    form.replace("SETTING", setting)
}

#[test]
fn reads_each_form_alike() {
    let detailed = PostQuantumAuth {
        mode: Some(Mode::Shadow),
        minimum_assurance: Some(PostQuantumAssurance::HybridProven),
        key_exchange: Some(KeyExchangeRule::Required),
        exempt_namespaces: Some(vec!["legacy".to_owned()]),
    };
    let cases = [
        (
            "postQuantumAuth: true",
            Setting::On(PostQuantumAuth::default()),
        ),
        (
            "postQuantumAuth: {}",
            Setting::On(PostQuantumAuth::default()),
        ),
        ("postQuantumAuth: false", Setting::Off),
        (
            "postQuantumAuth: {mode: shadow, minimumAssurance: hybridProven, keyExchange: required, exemptNamespaces: [legacy]}",
            Setting::On(detailed),
        ),
    ];
    for (form, kind, path, line) in FORMS {
        for (written, setting) in &cases {
            let settings = read(&with(form, written)).unwrap();
            assert_eq!(settings.setting, *setting);
            assert_eq!((settings.form, settings.path.as_str()), (kind, path));
            assert_eq!(settings.line, Some(line), "{path}");
        }
        let without = read(&with(form, "accessLogFile: /dev/stdout")).unwrap();
        assert_eq!((without.setting, without.line), (Setting::Absent, None));
    }
}

#[test]
fn knows_the_config_map_of_a_revision_in_json_and_in_quotes() {
    let revision =
        with(CONFIG_MAP, "postQuantumAuth: true").replace("name: istio,", "name: istio-canary,");
    assert_eq!(read(&revision).unwrap().form, Form::ConfigMap);
    let quoted = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio"},
        "data": {"mesh": "a: 1\npostQuantumAuth: {mode: on-off}\n"},
    });
    let text = serde_json::to_string_pretty(&quoted).unwrap();
    let finding = refused(&text);
    assert_eq!(finding.path, "data.mesh.postQuantumAuth.mode");
    let line = text
        .lines()
        .position(|line| line.contains("\"mesh\""))
        .unwrap();
    assert_eq!(finding.line, Some(u64::try_from(line + 1).unwrap()));
}

#[test]
fn values_of_another_type_are_errors_with_a_suggestion() {
    let cases = [
        (
            "'true'",
            Code::WrongType,
            "",
            "write `true`, without quotes, or `{mode: enforce}`",
        ),
        (
            "\"yes\"",
            Code::WrongType,
            "",
            "write `true`, without quotes, or `{mode: enforce}`",
        ),
        ("'no'", Code::WrongType, "", "write `false`, without quotes"),
        ("shadow", Code::WrongType, "", "write `{mode: shadow}`"),
        (
            "1",
            Code::WrongType,
            "",
            "write `true`, `false`, or `{mode: shadow}` and the like",
        ),
        (
            "[enforce]",
            Code::WrongType,
            "",
            "write `true`, `false`, or `{mode: shadow}` and the like",
        ),
        (
            "",
            Code::WrongType,
            "",
            "write `true`, `false`, or `{mode: shadow}` and the like",
        ),
        (
            "yes",
            Code::AmbiguousWord,
            "",
            "quote it if it is text, and write true or false if it is not",
        ),
        (
            "{mode: enforced}",
            Code::UnknownWord,
            ".mode",
            "did you mean `enforce`? Allowed: `enforce` or `shadow`",
        ),
        (
            "{Mode: enforce}",
            Code::UnknownKey,
            ".Mode",
            "did you mean `mode`?",
        ),
        (
            "{minimumAssurance: classical}",
            Code::UnknownWord,
            ".minimumAssurance",
            "use `hybrid` or `hybridProven`",
        ),
        (
            "{keyExchange: require}",
            Code::UnknownWord,
            ".keyExchange",
            "did you mean `required`? Allowed: `required`, `preferred` or `ignored`",
        ),
        (
            "{exemptNamespaces: legacy}",
            Code::WrongType,
            ".exemptNamespaces",
            "write `[..]`, or one entry a line behind `- `",
        ),
    ];
    for (form, _, path, line) in FORMS {
        for (value, code, member, hint) in cases {
            let finding = refused(&with(form, &format!("postQuantumAuth: {value}")));
            assert_eq!(finding.code, code, "{value}");
            assert_eq!(finding.path, format!("{path}{member}"), "{value}");
            assert_eq!(finding.line, Some(line), "{value}");
            assert_eq!(finding.hint.as_deref(), Some(hint), "{value}");
        }
        for value in [
            "{exemptNamespaces: []}",
            "{exemptNamespaces: [a, a]}",
            "{exemptNamespaces: ['*']}",
        ] {
            let finding = refused(&with(form, &format!("postQuantumAuth: {value}")));
            assert!(
                finding
                    .path
                    .starts_with(&format!("{path}.exemptNamespaces")),
                "{value}"
            );
        }
    }
}

#[test]
fn keys_that_look_like_it_are_errors_wherever_they_stand() {
    let spellings = [
        "postQuantumAuht",
        "postquantumauth",
        "PostQuantumAuth",
        "post_quantum_auth",
        "post-quantum-auth",
        "postQuantumAuthn",
        "postQuantumAuthentication",
        "postQuantum",
        "pqAuth",
        "postQuantumAuthPolicy",
        "postQuatumAuth",
    ];
    for (form, _, proper, line) in FORMS {
        for spelling in spellings {
            let finding = refused(&with(form, &format!("{spelling}: true")));
            assert_eq!(
                (finding.code, finding.line),
                (Code::MeshKeyMisspelt, Some(line)),
                "{spelling}"
            );
            let hint = format!("did you mean `postQuantumAuth`, at `{proper}`?");
            assert_eq!(finding.hint, Some(hint));
        }
        // Beside the right one too.
        let both = with(form, "postQuantumAuth: true").replace("trustDomain", "postquantumauth");
        if form != HELM {
            assert_eq!(refused(&both).code, Code::MeshKeyMisspelt);
        }
    }
    for innocent in [
        "authPolicy: MUTUAL_TLS",
        "accessLogFormat: post-quantum",
        "enableAutoMtls: true",
    ] {
        let text = with(PLAIN, innocent);
        assert_eq!(read(&text).unwrap().setting, Setting::Absent, "{innocent}");
    }
}

#[test]
fn a_key_at_another_level_is_an_error() {
    let cases = [
        (
            with(OPERATOR, "defaultConfig: {postQuantumAuth: true}"),
            "spec.meshConfig.defaultConfig.postQuantumAuth",
        ),
        (
            with(OPERATOR, "x: 1").replace("  profile: default", "  postQuantumAuth: true"),
            "spec.postQuantumAuth",
        ),
        (
            with(OPERATOR, "x: 1").replace("{env:", "{postQuantumAuth: true, env:"),
            "spec.values.pilot.postQuantumAuth",
        ),
        (
            with(HELM, "defaultConfig: {postQuantumAuth: true}"),
            "meshConfig.defaultConfig.postQuantumAuth",
        ),
        (
            format!("{}postQuantumAuth: true\n", with(HELM, "x: 1")),
            "postQuantumAuth",
        ),
        (
            "global: {}\npostQuantumAuth: true\n".to_owned(),
            "postQuantumAuth",
        ),
        (
            with(HELM, "x: 1").replace("{meshID", "{postQuantumAuth: true, meshID"),
            "global.postQuantumAuth",
        ),
        (
            with(CONFIG_MAP, "defaultConfig2: [{postQuantumAuth: true}]"),
            "data.mesh.defaultConfig2[0].postQuantumAuth",
        ),
        (
            with(CONFIG_MAP, "x: 1")
                .replace("meshNetworks: 'networks: {}'", "postQuantumAuth: 'true'"),
            "data.postQuantumAuth",
        ),
        (
            with(PLAIN, "defaultConfig: {postQuantumAuth: true}"),
            "defaultConfig.postQuantumAuth",
        ),
    ];
    for (text, path) in cases {
        let finding = refused(&text);
        assert_eq!(
            (finding.code, finding.path.as_str()),
            (Code::MeshKeyMisplaced, path),
            "{text}"
        );
        assert!(finding.line.is_some());
        assert!(finding.hint.unwrap().starts_with("move it to `"));
    }
    // The environment of proxies is no place for it either.
    let metadata = "defaultConfig: {proxyMetadata: {POST_QUANTUM_AUTH: 'true'}}";
    assert_eq!(refused(&with(PLAIN, metadata)).code, Code::MeshKeyMisspelt);
}

#[test]
fn what_could_be_two_things_is_an_error() {
    let operator = with(OPERATOR, "postQuantumAuth: true");
    let config_map = with(CONFIG_MAP, "postQuantumAuth: true");
    let canary = config_map.replace("name: istio,", "name: istio-canary,");
    let cases = [
        format!("{operator}---\n{config_map}"),
        format!("{config_map}---\n{canary}"),
        with(OPERATOR, "x: 1").replace("  values:\n", "  values:\n    meshConfig: {a: 1}\n"),
        "trustDomain: a.example\nglobal: {}\n".to_owned(),
        "meshConfig: {}\naccessLogFile: /dev/stdout\n".to_owned(),
        String::new(),
        "a: 1\n".to_owned(),
        "- postQuantumAuth\n".to_owned(),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {mesh: 'a: 1'}\n"
            .to_owned(),
        config_map.replace("    trustDomain: cluster.local", "    ---\n    a: 1"),
    ];
    for text in cases {
        assert_eq!(refused(&text).code, Code::MeshForm, "{text}");
    }
    // A setting in a document that is not read must not be lost.
    let other = format!("{config_map}---\na: 1\nmeshConfig2: {{postQuantumAuth: true}}\n");
    assert_eq!(refused(&other).code, Code::MeshKeyMisplaced);
    // A policy has a key of this name, and is none of this file's forms.
    let policy =
        "apiVersion: x/v1\nkind: MeshTrustPolicy\nspec: {postQuantumAuth: {mode: shadow}}\n";
    assert!(read(&format!("{config_map}---\n{policy}")).is_ok());
}

#[test]
fn what_is_no_mesh_config_is_an_error() {
    for (text, path) in [
        (with(OPERATOR, "x: 1").replace("  meshConfig:\n    trustDomain: mesh.example\n    x: 1\n", "  meshConfig: true\n"), "spec.meshConfig"),
        ("meshConfig: [a]\n".to_owned(), "meshConfig"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: istio}\ndata: {mesh: 'text'}\n".to_owned(), "data.mesh"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: istio}\ndata: {mesh: {postQuantumAuth: true}}\n".to_owned(), "data.mesh"),
    ] {
        let findings = read(&text).map(|settings| settings.setting).unwrap_err();
        assert_eq!((findings[0].code, findings[0].path.as_str()), (Code::WrongType, path), "{text}");
    }
    assert_eq!(refused("postQuantumAuth: [\n").code, Code::Syntax);
    assert_eq!(
        refused("postQuantumAuth: true\npostQuantumAuth: false\n").code,
        Code::KeyTwice
    );
    let inner = with(CONFIG_MAP, "postQuantumAuth: [");
    assert_eq!(refused(&inner).code, Code::Syntax);
    let missing = load(Path::new("/nonexistent/mesh.yaml")).map(|settings| settings.setting);
    assert_eq!(missing.unwrap_err()[0].code, Code::Unreadable);
    for empty in [
        "meshConfig:\n",
        "kind: IstioOperator\napiVersion: install.istio.io/v1alpha1\nspec: {profile: default}\n",
    ] {
        assert_eq!(read(empty).unwrap().setting, Setting::Absent);
    }
}

const POLICY: &str = "\
apiVersion: security.sallyport.dev/v1alpha1
kind: MeshTrustPolicy
metadata: {name: shop}
spec:
  mode: enforce
  trustDomains: [d.example]
  minimumAssurance: classical
  POLICY
  segments:
    - {name: web, namespaces: [web]}
    - {name: orders, namespaces: [orders, old-orders]}
  flows:
    - {name: ask, from: [web], to: orders, operations: [{methods: [GET], paths: ['/{**}']}]}
";

fn policy(setting: &str) -> LoadedPolicy {
    let text = POLICY.replace("POLICY", setting);
    policy_file::from_text(&text, Path::new(".")).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

#[test]
fn mesh_and_policy_must_say_the_same() {
    let on = "postQuantumAuth: {mode: enforce, exemptNamespaces: [a, b]}";
    let same = "postQuantumAuth: {exemptNamespaces: [b, a], keyExchange: preferred}";
    let more = "postQuantumAuth: {mode: shadow, exemptNamespaces: [a, b]}";
    let none = "minimumTrust: 0";
    let cases = [
        (on, none, Some(true)),
        (on, same, Some(true)),
        (on, more, None),
        ("postQuantumAuth: true", "postQuantumAuth: {}", Some(true)),
        ("postQuantumAuth: false", none, Some(false)),
        (
            "postQuantumAuth: false",
            "postQuantumAuth: {mode: shadow}",
            None,
        ),
        ("accessLogFile: x", none, Some(false)),
        ("accessLogFile: x", on, Some(true)),
    ];
    for (mesh, carried, expected) in cases {
        let settings = read(&with(PLAIN, mesh)).unwrap();
        let applied = settings.apply(policy(carried));
        match (applied, expected) {
            (Ok(loaded), Some(asks)) => {
                assert_eq!(
                    loaded.policy.post_quantum_auth().is_some(),
                    asks,
                    "{mesh} {carried}"
                );
            }
            (Err(findings), None) => {
                assert_eq!(findings[0].code, Code::MeshConflict);
                assert_eq!(findings[0].line, Some(8));
            }
            (Ok(_), None) => panic!("{mesh} and {carried} are not the same"),
            (Err(findings), Some(_)) => panic!("{mesh} {carried}: {findings:#?}"),
        }
    }
}

#[test]
fn a_policy_with_the_setting_differs_in_nothing_else() {
    let settings = read("postQuantumAuth: {exemptNamespaces: [old-orders]}").unwrap();
    let (before, after) = (
        policy("minimumTrust: 7"),
        settings.apply(policy("minimumTrust: 7")),
    );
    let after = after.unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert_ne!(after.sha256, before.sha256);
    let mut document = after.document.clone();
    assert!(document.spec.post_quantum_auth.take().is_some());
    assert_eq!(document, before.document);
}

#[test]
fn says_what_it_means_for_each_flow_and_segment() {
    let asked = read("postQuantumAuth: {mode: shadow, exemptNamespaces: [old-orders]}").unwrap();
    let loaded = policy("minimumTrust: 0");
    let meaning = meaning(
        asked.asked(),
        Some(&loaded),
        &crate::workloads::Inventory::default(),
    );
    let orders = &meaning.segments[1];
    assert_eq!(
        (orders.asks_in.as_slice(), orders.exempt_in.as_slice()),
        (&["orders".to_owned()][..], &["old-orders".to_owned()][..])
    );
    let [with, without] = meaning.flows.as_slice() else {
        panic!("{meaning:#?}")
    };
    let answers = |flow: &FlowMeaning| -> Vec<(AnswerMeaning, Vec<&str>)> {
        flow.callers
            .iter()
            .map(|caller| (caller.answer, caller.by.clone()))
            .collect()
    };
    assert!(with.is_asked && !without.is_asked);
    assert_eq!(
        answers(with),
        [
            (AnswerMeaning::Reported, vec!["mesh"]),
            (AnswerMeaning::Allowed, vec![]),
            (AnswerMeaning::Allowed, vec![])
        ]
    );
    assert!(
        answers(without)
            .iter()
            .all(|(answer, _)| *answer == AnswerMeaning::Allowed)
    );
}

/// The explanation is the filter's own answer.
#[test]
fn what_it_says_of_flows_is_what_the_engine_answers() {
    use sallyport_engine::facts::KeyExchange;
    use sallyport_engine::policy::raw::RequiredAssurance as Level;

    use crate::explain::{Caller, Outcome, Question, explain, request_line};

    for mode in ["enforce", "shadow"] {
        for own in ["classical", "hybrid", "hybridProven"] {
            for mesh in [
                "{mode: enforce}",
                "{mode: shadow}",
                "{minimumAssurance: hybridProven}",
                "{mode: shadow, minimumAssurance: hybridProven}",
                "{exemptNamespaces: [orders]}",
            ] {
                let text = POLICY
                    .replace("POLICY", "minimumTrust: 0")
                    .replace("mode: enforce", &format!("mode: {mode}"))
                    .replace(
                        "minimumAssurance: classical",
                        &format!("minimumAssurance: {own}"),
                    );
                let loaded = policy_file::from_text(&text, Path::new("."))
                    .unwrap_or_else(|findings| panic!("{findings:#?}"));
                let settings = read(&format!("postQuantumAuth: {mesh}")).unwrap();
                let said = meaning(
                    settings.asked(),
                    Some(&loaded),
                    &crate::workloads::Inventory::default(),
                );
                let said = said
                    .flows
                    .iter()
                    .find(|flow| flow.namespaces.iter().any(|name| name == "orders"))
                    .unwrap();
                let loaded = settings
                    .apply(loaded)
                    .unwrap_or_else(|findings| panic!("{findings:#?}"));
                for (assurance, caller) in [Level::Classical, Level::Hybrid, Level::HybridProven]
                    .into_iter()
                    .zip(&said.callers)
                {
                    let answer = explain(
                        &loaded,
                        &Question {
                            caller: Caller::Assumed {
                                identity: "spiffe://d.example/ns/web/sa/web".parse().unwrap(),
                                assurance,
                            },
                            called: Some("spiffe://d.example/ns/orders/sa/orders".parse().unwrap()),
                            tls: sallyport_engine::facts::TlsVersion::Tls13,
                            key_exchange: KeyExchange::Hidden,
                            source_ip: "192.0.2.1".parse().unwrap(),
                            port: 8080,
                            headers: request_line("GET", "/x"),
                            now: sallyport_engine::time::TimeMs(1_800_000_000_000),
                            claims: ArtifactClaims::default(),
                            denials: 0,
                        },
                    );
                    let expected = match caller.answer {
                        AnswerMeaning::Allowed => Outcome::Allowed,
                        AnswerMeaning::Reported => Outcome::WouldBeDenied,
                        AnswerMeaning::Refused => Outcome::Denied,
                    };
                    assert_eq!(
                        answer.outcome, expected,
                        "{mode} {own} {mesh} {assurance:?}"
                    );
                }
            }
        }
    }
}

proptest! {
    /// The order of keys and the form of the file do not matter.
    #[test]
    fn order_and_form_do_not_matter(
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(), count in 0_usize..=4, form in 0_usize..4
    ) {
        let members = [("mode", json!("shadow")), ("minimumAssurance", json!("hybridProven")), ("keyExchange", json!("required")), ("exemptNamespaces", json!(["a", "b"]))];
        let chosen: Vec<_> = order.iter().take(count).map(|number| &members[*number]).collect();
        let inner: Vec<String> = chosen.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        let written = format!("postQuantumAuth: {{{}}}", inner.join(", "));
        let settings = read(&with(FORMS[form].0, &written)).unwrap();
        let sorted: serde_json::Map<String, Value> = chosen.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let expected: PostQuantumAuth = serde_json::from_value(Value::Object(sorted)).unwrap();
        prop_assert_eq!(settings.setting, Setting::On(expected));
    }

    /// No text makes it panic, and none that says nothing asks.
    #[test]
    fn no_text_is_taken_for_the_setting(text in "[a-z:{}\\[\\]'\" \n-]{0,80}") {
        if let Ok(settings) = read(&text) {
            prop_assert_eq!(settings.setting, Setting::Absent);
        }
    }
}
