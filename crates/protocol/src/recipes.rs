//! A recipe on its way to the server. Most of a new version's extents are there already, and of those the place says everything: the rest
//! would be some 50 bytes for every mebibyte of music, sent again with every version.

use std::collections::{BTreeSet, HashMap};

use collabtrack_domain::recipe::{Extent, Recipe, RecipeFile};
use serde::{Deserialize, Serialize};

/// Where an extent lies that the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Key of its object.
    pub object: String,
    /// First byte in it.
    pub offset: u64,
}

/// An extent of a recipe that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SentExtent {
    /// One that is told for the first time.
    New(Extent),
    /// One that a complete version of the project has.
    Known(Place),
}

/// A recipe as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRecipe {
    /// As in the recipe.
    pub files: Vec<RecipeFile>,
    /// Its extents, in order.
    pub extents: Vec<SentExtent>,
}

impl SentRecipe {
    /// The recipe, with extents in these objects only named.
    #[must_use]
    pub fn naming(recipe: Recipe, known: &BTreeSet<String>) -> Self {
        let sent = |extent: Extent| {
            if known.contains(&extent.object) {
                SentExtent::Known(Place { object: extent.object, offset: extent.offset })
            } else {
                SentExtent::New(extent)
            }
        };
        Self { files: recipe.files, extents: recipe.extents.into_iter().map(sent).collect() }
    }

    /// Extents that are only named.
    pub fn named(&self) -> impl Iterator<Item = &Place> {
        self.extents.iter().filter_map(|extent| match extent {
            SentExtent::Known(place) => Some(place),
            SentExtent::New(_) => None,
        })
    }

    /// The recipe, with what is known at the named places.
    /// # Errors
    /// The objects in which nothing is known at a named place.
    pub fn filled(self, known: &HashMap<Place, Extent>) -> Result<Recipe, BTreeSet<String>> {
        let missing: BTreeSet<String> = self.named().filter(|place| !known.contains_key(place)).map(|place| place.object.clone()).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let extents = self.extents.into_iter().filter_map(|extent| match extent {
            SentExtent::New(extent) => Some(extent),
            SentExtent::Known(place) => known.get(&place).cloned(),
        });
        Ok(Recipe { extents: extents.collect(), files: self.files })
    }
}

impl From<Recipe> for SentRecipe {
    fn from(recipe: Recipe) -> Self {
        Self::naming(recipe, &BTreeSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        let hash = collabtrack_domain::hash::ObjectHash::of(b"");
        let mut recipe = Recipe::plain("a.wav".into(), 10, hash, "old".into());
        recipe.extents.push(Extent { object: "new".into(), offset: 7, ..recipe.extents[0].clone() });
        recipe
    }

    #[test]
    fn known_extents_are_named_and_filled_in_again() {
        let recipe = recipe();
        let sent = SentRecipe::naming(recipe.clone(), &["old".to_owned()].into());
        let json = serde_json::to_value(&sent).expect("json");
        assert_eq!(json["extents"][0], serde_json::json!({"object": "old", "offset": 0}));
        assert_eq!(json["extents"][1]["raw_len"], 10);
        let read: SentRecipe = serde_json::from_value(json).expect("read");
        assert_eq!(read, sent);
        let place = Place { object: "old".into(), offset: 0 };
        let known: HashMap<_, _> = [(place, recipe.extents[0].clone())].into();
        assert_eq!(read.clone().filled(&known), Ok(recipe.clone()));
        assert_eq!(read.filled(&HashMap::new()), Err(["old".to_owned()].into()));
        let whole = SentRecipe::from(recipe.clone());
        assert_eq!(
            serde_json::to_value(&whole).expect("json"),
            serde_json::to_value(&recipe).expect("json"),
            "told whole it is the recipe"
        );
        assert_eq!(whole.filled(&HashMap::new()), Ok(recipe));
    }

    #[test]
    fn half_an_extent_is_none() {
        let mut json = serde_json::to_value(SentRecipe::from(recipe())).expect("json");
        json["extents"][0].as_object_mut().expect("an object").remove("sha256");
        assert!(serde_json::from_value::<SentRecipe>(json).is_err());
    }
}
