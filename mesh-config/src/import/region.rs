//! Sets of requests between one caller and one called workload, as boxes of methods, ports and a
//! path template.

use super::path::{PathPattern, Relation};
use super::pattern::Match;
use super::template::Template;
use super::values::Values;

/// Each combination of these methods, ports and paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Region {
    pub(super) methods: Values<String>,
    pub(super) ports: Values<u16>,
    pub(super) paths: Template,
}

/// The requests that a rule is about, as far as methods, ports and paths go.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) methods: Values<String>,
    pub(super) ports: Values<u16>,
    /// `paths`; absent: any.
    pub(super) paths: Option<Vec<PathPattern>>,
    /// `notPaths`.
    pub(super) not_paths: Vec<PathPattern>,
}

/// Regions, and whether something had to be left out of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Regions {
    pub(super) kept: Vec<Region>,
    /// The paths that were left out, or left out in part, as text.
    pub(super) lost: Vec<String>,
}

impl Region {
    fn is_empty(&self) -> bool {
        self.methods.is_empty() || self.ports.is_empty()
    }

    fn is_within(&self, other: &Self) -> bool {
        self.methods.is_within(&other.methods)
            && self.ports.is_within(&other.ports)
            && self.paths.is_within(&other.paths)
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        let common = Self {
            methods: self.methods.intersection(&other.methods),
            ports: self.ports.intersection(&other.ports),
            paths: self.paths.intersection(&other.paths)?,
        };
        (!common.is_empty()).then_some(common)
    }
}

impl Extent {
    /// The requests that are surely meant.
    pub(super) fn surely(&self) -> Regions {
        let mut result = Regions::default();
        let mut templates = vec![Template::everything()];
        if let Some(patterns) = &self.paths {
            templates.clear();
            for pattern in patterns {
                let said = pattern.said();
                if !said.is_all {
                    result.lost.push(describe(pattern));
                }
                templates.extend(said.templates);
            }
        }
        let (methods, ports) = (self.methods.clone().surely(), self.ports.clone().surely());
        for paths in templates {
            match relation(&self.not_paths, &paths) {
                Relation::Apart => result.kept.push(Region {
                    methods: methods.clone(),
                    ports: ports.clone(),
                    paths,
                }),
                Relation::Partly => result.lost.push(paths.to_string()),
                Relation::Within => {}
            }
        }
        result.kept.retain(|region| !region.is_empty());
        result
    }

    /// What is left of a region where all requests that may be meant are taken away.
    pub(super) fn cut_from(&self, region: Region, left: &mut Regions) {
        let (methods, ports) = (
            self.methods.clone().possibly(),
            self.ports.clone().possibly(),
        );
        let Region {
            methods: own_methods,
            ports: own_ports,
            paths,
        } = region;
        let mut keep = |methods: Values<String>, ports: Values<u16>, paths: Template| {
            let region = Region {
                methods,
                ports,
                paths,
            };
            if !region.is_empty() {
                left.kept.push(region);
            }
        };
        keep(
            own_methods.difference(&methods),
            own_ports.clone(),
            paths.clone(),
        );
        let methods = own_methods.intersection(&methods);
        keep(methods.clone(), own_ports.difference(&ports), paths.clone());
        let ports = own_ports.intersection(&ports);
        if methods.is_empty() || ports.is_empty() {
            return;
        }
        let met = match &self.paths {
            None => Relation::Within,
            Some(patterns) => relation(patterns, &paths),
        };
        if met == Relation::Apart || relation(&self.not_paths, &paths) == Relation::Within {
            keep(methods, ports, paths);
            return;
        }
        let mut is_all = met == Relation::Within;
        for pattern in &self.not_paths {
            let said = pattern.said();
            is_all &= said.is_all;
            let spared = said.templates.iter();
            for spared in spared.filter_map(|template| template.intersection(&paths)) {
                keep(methods.clone(), ports.clone(), spared);
            }
        }
        if !is_all {
            left.lost.push(paths.to_string());
        }
    }
}

/// The requests that are in both.
pub(super) fn intersection(a: &[Region], b: &[Region]) -> Vec<Region> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    simplified(pairs.filter_map(|(a, b)| a.intersection(b)).collect())
}

/// Without the regions that lie within others, in one order.
pub(super) fn simplified(mut regions: Vec<Region>) -> Vec<Region> {
    regions.sort();
    regions.dedup();
    let all = regions.clone();
    regions.retain(|region| {
        !all.iter()
            .any(|other| other != region && region.is_within(other))
    });
    regions
}

/// Whether a region leaves out values that have no name, so that it says less than was meant.
pub(super) fn open_values<T: Ord + Clone>(
    values: &Values<T>,
    known: &std::collections::BTreeSet<T>,
) -> bool {
    values.others == Match::Yes && values.named.len() < known.len()
}

/// How a template lies to any of the patterns.
fn relation(patterns: &[PathPattern], template: &Template) -> Relation {
    let mut result = Relation::Apart;
    for pattern in patterns {
        match pattern.relation(template) {
            Relation::Within => return Relation::Within,
            Relation::Partly => result = Relation::Partly,
            Relation::Apart => {}
        }
    }
    result
}

fn describe(pattern: &PathPattern) -> String {
    use super::pattern::Pattern;
    match pattern {
        PathPattern::Plain(Pattern::Any) => "*".to_owned(),
        PathPattern::Plain(Pattern::Exact(text)) => text.clone(),
        PathPattern::Plain(Pattern::Prefix(text)) => format!("{text}*"),
        PathPattern::Plain(Pattern::Suffix(text)) => format!("*{text}"),
        PathPattern::Template(template) => template.to_string(),
        PathPattern::Inner(template) => format!("{template}/.."),
    }
}
