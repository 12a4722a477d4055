//! The Merkle tree of RFC 6962 over entry hashes: roots, proofs that an entry is in the tree, proofs that a tree only grew.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::ObjectHash;

/// Hash of a leaf with these bytes: SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn leaf(bytes: &[u8]) -> ObjectHash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(bytes);
    ObjectHash::from_bytes(hasher.finalize().into())
}

/// Hash of a node over two others: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node(left: &ObjectHash, right: &ObjectHash) -> ObjectHash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    ObjectHash::from_bytes(hasher.finalize().into())
}

/// Root of the tree over `leaves`, which are leaf hashes in order.
#[must_use]
pub fn root(leaves: &[ObjectHash]) -> ObjectHash {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

/// Largest power of two below `size`, for sizes above 1.
fn split_point(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// What a growing tree needs to know of its past: the roots of its complete subtrees, largest first. Bounded memory for any size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    roots: Vec<ObjectHash>,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: ObjectHash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("one complete subtree per bit of the size");
            hash = node(&left, &hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// Root of the tree so far; of the empty tree the hash of nothing.
    #[must_use]
    pub fn root(&self) -> ObjectHash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => ObjectHash::of(b""),
            Some(last) => roots.fold(*last, |right, left| node(left, &right)),
        }
    }
}

/// Proof that the leaf at `index` is in the tree over `leaves`; nothing when there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[ObjectHash], index: usize) -> Option<Vec<ObjectHash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    let (mut part, mut index) = (leaves, index);
    while part.len() > 1 {
        let (left, right) = part.split_at(split_point(part.len() as u64) as usize);
        if index < left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            part = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The root that an inclusion proof leads to, from the leaf hash at `index` in a tree of `size` leaves; nothing when the proof is not of
/// the right length.
#[must_use]
pub fn root_from_inclusion(leaf: &ObjectHash, index: u64, size: u64, proof: &[ObjectHash]) -> Option<ObjectHash> {
    if index >= size {
        return None;
    }
    let (mut index, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            hash = node(sibling, &hash);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `proof` shows that `leaf` stands at `index` in the tree with this size and root.
#[must_use]
pub fn verify_inclusion(leaf: &ObjectHash, index: u64, size: u64, proof: &[ObjectHash], root: &ObjectHash) -> bool {
    root_from_inclusion(leaf, index, size, proof).as_ref() == Some(root)
}

/// Proof that the tree over the first `old_size` leaves is the beginning of the tree over all; nothing when it would be larger.
#[must_use]
pub fn consistency_proof(leaves: &[ObjectHash], old_size: usize) -> Option<Vec<ObjectHash>> {
    if old_size > leaves.len() {
        return None;
    }
    if old_size == 0 || old_size == leaves.len() {
        return Some(Vec::new());
    }
    let mut proof = Vec::new();
    let (mut part, mut old, mut complete) = (leaves, old_size, true);
    loop {
        if old == part.len() {
            if !complete {
                proof.push(root(part));
            }
            break;
        }
        let (left, right) = part.split_at(split_point(part.len() as u64) as usize);
        if old <= left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            old -= left.len();
            part = right;
            complete = false;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` shows that the tree with `new_size` and `new_root` begins with the tree with `old_size` and `old_root`.
#[must_use]
pub fn verify_consistency(old_size: u64, old_root: &ObjectHash, new_size: u64, new_root: &ObjectHash, proof: &[ObjectHash]) -> bool {
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == ObjectHash::of(b"");
    }
    let (mut index, mut last) = (old_size - 1, new_size - 1);
    while index % 2 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let mut nodes = proof.iter();
    let start = if old_size.is_power_of_two() {
        *old_root
    } else {
        match nodes.next() {
            Some(first) => *first,
            None => return false,
        }
    };
    let (mut old, mut new) = (start, start);
    for sibling in nodes {
        if last == 0 {
            return false;
        }
        if index % 2 == 1 || index == last {
            old = node(sibling, &old);
            new = node(sibling, &new);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn published() -> Vec<ObjectHash> {
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
            .iter()
            .map(|hex| leaf(&HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")))
            .collect()
    }

    #[test]
    fn roots_are_those_of_the_published_vectors() {
        let leaves = published();
        for (size, expected) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(root(&leaves[..size]).to_string(), expected, "{size} leaves");
        }
    }

    fn numbered(count: usize) -> Vec<ObjectHash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    #[test]
    fn every_proof_of_every_small_tree_verifies_and_no_other_does() {
        for size in 0..=33usize {
            let leaves = numbered(size);
            let tree_root = root(&leaves);
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).expect("the leaf is there");
                for claimed in 0..size as u64 + 1 {
                    let holds = verify_inclusion(&leaves[index], claimed, size as u64, &proof, &tree_root);
                    assert_eq!(holds, claimed == index as u64, "leaf {index} of {size} claimed at {claimed}");
                }
                assert!(!verify_inclusion(&leaf(b"other"), index as u64, size as u64, &proof, &tree_root));
            }
            assert_eq!(inclusion_proof(&leaves, size), None);
            for old in 0..=size {
                let proof = consistency_proof(&leaves, old).expect("not larger");
                let old_root = root(&leaves[..old]);
                assert!(verify_consistency(old as u64, &old_root, size as u64, &tree_root, &proof), "{old} to {size}");
                assert!(!verify_consistency(old as u64, &leaf(b"forged"), size as u64, &tree_root, &proof), "{old} to {size}");
                if old != 0 {
                    assert!(!verify_consistency(old as u64, &old_root, size as u64, &leaf(b"forged"), &proof), "{old} to {size}");
                }
                assert!(old == size || !verify_consistency(size as u64, &tree_root, old as u64, &old_root, &proof));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_changed_past_is_never_consistent(size in 2usize..80, changed in 0usize..80, old in 1usize..80) {
            let (changed, old) = (changed % size, 1 + (old - 1) % size);
            prop_assume!(changed < old);
            let leaves = numbered(size);
            let mut forged = leaves.clone();
            forged[changed] = leaf(b"rewritten");
            let proof = consistency_proof(&forged, old).expect("not larger");
            prop_assert!(!verify_consistency(old as u64, &root(&leaves[..old]), size as u64, &root(&forged), &proof));
        }
    }
}
