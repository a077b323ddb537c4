//! Istio's path patterns beside the templates of the policy.

use super::pattern::Pattern;
use super::template::{Part, Template};

/// A value of `paths` or `notPaths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathPattern {
    /// Text with at most a star at one end.
    Plain(Pattern),
    /// `{*}` and a last `{**}`, which a template can say.
    Template(Template),
    /// Something behind `{**}`; the template is what stands before it.
    Inner(Template),
}

/// How the paths of a template lie to a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The pattern matches none of them.
    Apart,
    /// It may match some of them.
    Partly,
    /// It matches all of them.
    Within,
}

/// What templates can say of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Each path of these is matched.
    pub(super) templates: Vec<Template>,
    /// Whether no other path is.
    pub(super) is_all: bool,
}

impl PathPattern {
    /// Reads a value; `None` where Istio refuses it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.contains("{*}") && !text.contains("{**}") {
            return Some(Self::Plain(Pattern::parse(text)));
        }
        let mut parts = Vec::new();
        let mut is_open = false;
        let mut has_tail = false;
        for segment in text.strip_prefix('/')?.split('/') {
            match segment {
                "{**}" if is_open => return None,
                "{**}" => is_open = true,
                "{*}" if is_open => return None,
                "{*}" => parts.push(Part::One),
                literal if literal.contains(['*', '{', '}']) => return None,
                _ if is_open => has_tail = true,
                literal => parts.push(Part::Literal(literal.to_owned())),
            }
        }
        let template = Template { parts, is_open };
        Some(if has_tail {
            Self::Inner(template)
        } else {
            Self::Template(template)
        })
    }

    /// What templates can say of it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::Plain(Pattern::Any) => Said::all(vec![Template::everything()]),
            Self::Plain(Pattern::Exact(path)) => match Template::literal(path) {
                Some(template) => Said::all(vec![template]),
                None => Said::NOTHING,
            },
            Self::Plain(Pattern::Prefix(prefix)) => below(prefix),
            Self::Plain(Pattern::Suffix(_)) | Self::Inner(_) => Said::NOTHING,
            // The literals between the variables have to be those of a path, too.
            Self::Template(template) => match template.to_string().parse() {
                Ok(sallyport_engine::names::PathTemplate { .. }) => {
                    Said::all(vec![template.clone()])
                }
                Err(_) => Said::NOTHING,
            },
        }
    }

    /// How the template's paths lie to it. `Partly` is also the answer where it is not plain.
    pub(super) fn relation(&self, template: &Template) -> Relation {
        match self {
            Self::Plain(pattern) => match template.as_literal() {
                Some(path) if pattern.matches(&path) => Relation::Within,
                Some(_) => Relation::Apart,
                None => plain_relation(pattern, template),
            },
            Self::Template(own) if template.is_within(own) => Relation::Within,
            Self::Template(own) | Self::Inner(own) => match own.intersection(template) {
                Some(_) => Relation::Partly,
                None => Relation::Apart,
            },
        }
    }
}

impl Said {
    const NOTHING: Self = Self {
        templates: Vec::new(),
        is_all: false,
    };

    const fn all(templates: Vec<Template>) -> Self {
        Self {
            templates,
            is_all: true,
        }
    }
}

/// `/info/*` is `/info/{**}`. `/info*` is also `/information`, which no template says.
fn below(prefix: &str) -> Said {
    if prefix == "/" {
        return Said::all(vec![Template::everything()]);
    }
    let (path, is_all) = match prefix.strip_suffix('/') {
        Some(path) => (path, true),
        None => (prefix, false),
    };
    let Some(literal) = Template::literal(path).filter(|_| !path.ends_with('/')) else {
        return Said::NOTHING;
    };
    let below = Template {
        is_open: true,
        ..literal.clone()
    };
    let templates = if is_all {
        vec![below]
    } else {
        vec![literal, below]
    };
    Said { templates, is_all }
}

/// For a template of several paths.
fn plain_relation(pattern: &Pattern, template: &Template) -> Relation {
    match pattern {
        Pattern::Any => Relation::Within,
        Pattern::Exact(path) => match Template::literal(path) {
            Some(literal) if literal.is_within(template) => Relation::Partly,
            Some(_) => Relation::Apart,
            // A star is a character of paths, though not of templates; anything else in the way is
            // not in paths.
            None if path.contains('*') => Relation::Partly,
            None => Relation::Apart,
        },
        Pattern::Prefix(prefix) => prefix_relation(prefix, template),
        Pattern::Suffix(suffix) => {
            let tail = template.fixed_tail();
            if tail.ends_with(suffix.as_str()) {
                Relation::Within
            } else if suffix.ends_with(&tail) {
                Relation::Partly
            } else {
                Relation::Apart
            }
        }
    }
}

fn prefix_relation(prefix: &str, template: &Template) -> Relation {
    let Some(rest) = prefix.strip_prefix('/') else {
        return Relation::Apart;
    };
    let mut relation = Relation::Within;
    let mut parts = template.parts.iter();
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let Some(part) = parts.next() else {
            // `{**}` has one segment at least, which may be empty.
            return match (template.is_open, is_last && segment.is_empty()) {
                (false, _) => Relation::Apart,
                (true, true) => relation,
                (true, false) => Relation::Partly,
            };
        };
        match part {
            Part::Literal(text) if is_last && text.starts_with(segment) => {}
            Part::Literal(text) if !is_last && text == segment => {}
            Part::Literal(_) => return Relation::Apart,
            Part::One if is_last && segment.is_empty() => {}
            Part::One if segment.is_empty() => return Relation::Apart,
            Part::One => relation = Relation::Partly,
        }
    }
    relation
}

#[cfg(test)]
mod tests;
