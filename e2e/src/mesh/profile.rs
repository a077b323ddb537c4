//! How much a run does: seconds are enough to see that something works, figures need more.

use serde::Serialize;

use super::error::MeshError;

/// How often a run does what it measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// What it is called.
    pub name: &'static str,
    /// Policies that are put in force one after the other, under load.
    pub policy_updates: u32,
    /// Quarantines whose way to all sidecars is measured; as many changes of something else.
    pub quarantines: u32,
}

impl Profile {
    /// For each change of the code: some minutes.
    pub const CI: Self = Self {
        name: "ci",
        policy_updates: 10,
        quarantines: 5,
    };

    /// For figures that are published: half an hour at most.
    pub const FULL: Self = Self {
        name: "full",
        policy_updates: 100,
        quarantines: 100,
    };

    /// The one that the variable `PROFILE` names; CI's where it is not set.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn from_environment() -> Result<Self, MeshError> {
        match std::env::var("PROFILE").as_deref() {
            Err(_) | Ok("") => Ok(Self::CI),
            Ok(name) => Self::named(name),
        }
    }

    fn named(name: &str) -> Result<Self, MeshError> {
        let unknown = || MeshError::Wrong(format!("there is no PROFILE `{name}`: ci or full"));
        let mut all = [Self::CI, Self::FULL].into_iter();
        all.find(|profile| profile.name == name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn profiles_are_found_by_name_and_a_typo_is_none() {
        assert_eq!(Profile::named("full").unwrap(), Profile::FULL);
        let error = Profile::named("ful").unwrap_err();
        assert_eq!(error.to_string(), "there is no PROFILE `ful`: ci or full");
    }
}
