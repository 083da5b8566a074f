//! The chain's relations against a model that remembers every entry in a list.

use crate::cases;
use aof_nostd::chain::{Chain, ChainLink, History, NoHistory, Relation, Window};
use aof_nostd::checksum::Checksum;
use aof_nostd::wire::Op;
use proptest::prelude::*;

/// All entries, in the file's order.
#[derive(Default)]
struct Model(Vec<ChainLink>);

impl Model {
    /// The first entry seen for an op.
    fn known(&self, op: Option<u64>) -> Option<&ChainLink> {
        self.0.iter().find(|link| Some(link.op.0) == op)
    }

    fn push(&mut self, link: ChainLink) -> Relation {
        let relation = self.relation(link);
        self.0.push(link);
        relation
    }

    fn relation(&self, link: ChainLink) -> Relation {
        let op = link.op.0;
        let Some(last) = self.0.last() else { return Relation::First };
        let same = self.known(Some(op)).filter(|same| same.checksum != link.checksum);
        let parent = self.known(op.checked_sub(1)).filter(|parent| parent.checksum != link.parent);
        let child = self.known(op.checked_add(1)).filter(|child| child.parent != link.checksum);
        if let Some(same) = same {
            return Relation::Fork { op: link.op, known: same.checksum };
        }
        if let Some(parent) = parent {
            return Relation::Fork { op: parent.op, known: parent.checksum };
        }
        if let Some(child) = child {
            return Relation::Fork { op: link.op, known: child.parent };
        }
        // Neighbours in the file contradict each other too, whichever of them came first.
        let sibling = last.op == link.op && last.checksum != link.checksum;
        let orphan = last.op.0.checked_add(1) == Some(op) && last.checksum != link.parent;
        if sibling || orphan {
            return Relation::Fork { op: last.op, known: last.checksum };
        }
        if link.checksum == last.checksum {
            Relation::Repeated
        } else if op < last.op.0 {
            Relation::Backtrack { from: last.op }
        } else if self.known(op.checked_sub(1)).is_some() {
            Relation::Linked
        } else {
            Relation::Gap { first: Op(last.op.0 + 1), last: Op(op - 1) }
        }
    }
}

/// Entries of a few ops in three histories; a parent may be of another history than its child.
fn links() -> impl Strategy<Value = Vec<ChainLink>> {
    let checksum = |op: u64, history: u128| Checksum::new((history << 64) + u128::from(op));
    // Mostly one history, so that long runs without a fork occur.
    let history = || prop_oneof![20 => Just(0_u128), 1 => 1..3_u128];
    let link = (1..9_u64, history()).prop_map(move |(op, history)| ChainLink {
        op: Op(op),
        checksum: checksum(op, history),
        parent: checksum(op - 1, if history == 2 { 0 } else { history }),
    });
    proptest::collection::vec(link, 0..40)
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn chain_with_room_for_all_ops_is_the_model(links in links()) {
        let mut chain = Chain::new(Window::<16>::new());
        let mut model = Model::default();
        for link in links {
            prop_assert_eq!(chain.relation(link), model.relation(link));
            prop_assert_eq!(chain.push(link), model.push(link));
            prop_assert_eq!(chain.last(), Some(link));
        }
    }

    #[test]
    fn smaller_memory_forgets_but_does_not_invent(links in links()) {
        let mut none = Chain::new(NoHistory);
        let mut some = Chain::new(Window::<3>::new());
        let mut model = Model::default();
        let mut forked = false;
        for link in links {
            let full = model.push(link);
            // Behind a fork the memories hold different histories: each is right about its own.
            forked |= matches!(full, Relation::Fork { .. });
            for relation in [none.push(link), some.push(link)] {
                if forked {
                    continue;
                }
                let forgot = matches!((full, relation), (Relation::Linked, Relation::Gap { .. }));
                prop_assert!(relation == full || forgot, "{:?}, not {:?}", relation, full);
            }
        }
    }

    #[test]
    fn window_knows_the_first_of_the_last_entries(links in links()) {
        let mut window = Window::<4>::new();
        for (index, link) in links.iter().enumerate() {
            window.insert(*link);
            let kept = window.get(link.op).unwrap();
            prop_assert_eq!(kept.op, link.op);
            prop_assert!(links[..=index].contains(&kept));
        }
    }
}

#[test]
fn cleared_chain_begins_anew() {
    let link = ChainLink { op: Op(5), checksum: Checksum::new(5), parent: Checksum::new(4) };
    let mut chain = Chain::new(Window::<8>::new());
    assert_eq!(chain.push(link), Relation::First);
    chain.clear();
    assert_eq!(chain.last(), None);
    let other = ChainLink { checksum: Checksum::new(6), ..link };
    assert_eq!(chain.push(other), Relation::First);
}
