//! Path templates by their parts, so that those that cover a path are found without trying each.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::template::Part;
use super::{PathTemplate, RequestPath};

/// Values by path templates; several may have the same one.
#[derive(Debug)]
pub(crate) struct TemplateTree<T> {
    root: Node<T>,
}

/// What follows on the parts that lead here.
#[derive(Debug)]
struct Node<T> {
    literals: BTreeMap<Box<str>, Self>,
    one: Option<Box<Self>>,
    /// Of templates that end here.
    ends: Vec<T>,
    /// Of templates that take the rest of the path here.
    rests: Vec<T>,
}

impl<T> TemplateTree<T> {
    pub(crate) const fn new() -> Self {
        Self { root: Node::new() }
    }

    pub(crate) fn insert(&mut self, template: &PathTemplate, value: T) {
        let mut node = &mut self.root;
        for part in template.parts() {
            node = match part {
                Part::Literal(text) => match node.literal(text) {
                    Some(node) => node,
                    // INVARIANT: it was added. Otherwise the template would cover nothing.
                    None => return,
                },
                Part::One => node.one.get_or_insert_default(),
            };
        }
        if template.is_open_ended() {
            node.rests.push(value);
        } else {
            node.ends.push(value);
        }
    }

    /// Gives the values of all templates that cover the path: those of one template together, in the
    /// order in which they came.
    pub(crate) fn covering<'a>(&'a self, path: RequestPath<'_>, give: &mut impl FnMut(&'a [T])) {
        self.root.covering(Some(path.after_slash()), give);
    }
}

impl<T> Node<T> {
    const fn new() -> Self {
        Self {
            literals: BTreeMap::new(),
            one: None,
            ends: Vec::new(),
            rests: Vec::new(),
        }
    }

    /// What follows on a literal part. Most are known already, and then nothing is copied.
    fn literal(&mut self, text: &str) -> Option<&mut Self> {
        if !self.literals.contains_key(text) {
            self.literals.insert(text.into(), Self::new());
        }
        self.literals.get_mut(text)
    }

    /// `rest` is what of the path comes after the parts that lead here; none at its end. It goes as
    /// deep as templates do, which have at most [`RequestPath::MAXIMUM_SEGMENTS`] parts.
    fn covering<'a>(&'a self, rest: Option<&str>, give: &mut impl FnMut(&'a [T])) {
        let Some(rest) = rest else {
            return give(&self.ends);
        };
        give(&self.rests);
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        if let Some(node) = self.literals.get(segment) {
            node.covering(rest, give);
        }
        // An empty segment, a slash at the end, stands for nothing.
        if !segment.is_empty()
            && let Some(node) = &self.one
        {
            node.covering(rest, give);
        }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
