//! Which flow or grant covers a request, found without trying one after the other.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::flow::{Operation, OperationPlace};
use super::segment::SegmentId;
use crate::names::{RequestPath, TemplateTree};

/// The flows of a policy, or its grants, by the segments between which they lead, and their paths by the segment to
/// which they lead: each path stands there once, whatever the number of segments that may ask for it.
#[derive(Debug, Default)]
pub(super) struct FlowIndex {
    between: BTreeMap<(SegmentId, SegmentId), Vec<usize>>,
    paths: BTreeMap<SegmentId, TemplateTree<OperationPlace>>,
}

impl FlowIndex {
    /// The numbers of the flows from one segment to another so far, for one more to be added.
    pub(super) fn between_mut(&mut self, from: SegmentId, to: SegmentId) -> &mut Vec<usize> {
        self.between.entry((from, to)).or_default()
    }

    /// Adds the paths of a flow that leads to a segment. Flows are added in their order.
    pub(super) fn add_paths(&mut self, to: SegmentId, number: usize, operations: &[Operation]) {
        let tree = self.paths.entry(to).or_insert_with(TemplateTree::new);
        for (operation, held) in operations.iter().enumerate() {
            for (path, template) in held.paths.iter().enumerate() {
                let place = OperationPlace {
                    flow: number,
                    operation,
                    path,
                };
                tree.insert(template, place);
            }
        }
    }

    /// The numbers of the flows from one segment to another, in their order.
    pub(super) fn between(&self, from: SegmentId, to: SegmentId) -> Option<&[usize]> {
        self.between.get(&(from, to)).map(Vec::as_slice)
    }

    /// What `covers` makes of the first place, among these flows to a segment, whose path covers the
    /// one that is asked for.
    pub(super) fn find<T>(
        &self,
        flows: &[usize],
        to: SegmentId,
        path: RequestPath<'_>,
        covers: impl Fn(OperationPlace) -> Option<T>,
    ) -> Option<T> {
        let mut first: Option<(OperationPlace, T)> = None;
        self.paths.get(&to)?.covering(path, &mut |places| {
            for place in common(places, flows) {
                let is_earlier = first.as_ref().is_none_or(|(first, _)| place < *first);
                if is_earlier && let Some(covered) = covers(place) {
                    first = Some((place, covered));
                }
            }
        });
        first.map(|(_, covered)| covered)
    }
}

/// The places that belong to these flows. Both are in the order of the flows; the shorter list is
/// looked up in the longer one, of which one may be the flows of all callers and the other those of
/// one.
fn common<'a>(
    places: &'a [OperationPlace],
    flows: &'a [usize],
) -> impl Iterator<Item = OperationPlace> + 'a {
    let of_places = places.len() <= flows.len();
    let (by_place, by_flow) = if of_places {
        (places, &[][..])
    } else {
        (&[][..], flows)
    };
    let by_place = by_place
        .iter()
        .filter(|place| flows.binary_search(&place.flow).is_ok());
    let by_flow = by_flow.iter().flat_map(|flow| {
        let start = places.partition_point(|place| place.flow < *flow);
        let rest = places.get(start..).unwrap_or_default();
        rest.iter().take_while(|place| place.flow == *flow)
    });
    by_place.chain(by_flow).copied()
}
