//! What the player remembers from one start of the program to the next. Values only.

use serde::{Deserialize, Serialize};

/// The state that is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// The versions in the slots.
    pub(super) slots: [Option<String>; 2],
    /// Slot B was heard.
    pub(super) hears_b: bool,
    /// Position in seconds.
    pub(super) position_s: f64,
    /// The loop in seconds.
    pub(super) loop_s: Option<(f64, f64)>,
    /// Volume, 0 to 1.
    pub(super) volume: Option<f64>,
    /// The chosen device.
    pub(super) device: Option<String>,
    /// Level matching was turned off.
    pub(super) unmatched: bool,
}

impl Memory {
    /// Reads what was kept; nonsense counts as nothing.
    pub(super) fn read(text: &str) -> Self {
        let mut memory: Memory = serde_json::from_str(text).unwrap_or_default();
        let sane = |seconds: f64| seconds.is_finite() && (0.0..=86_400.0).contains(&seconds);
        if !sane(memory.position_s) {
            memory.position_s = 0.0;
        }
        memory.loop_s = memory.loop_s.filter(|(from, to)| sane(*from) && sane(*to) && from < to);
        memory.volume = memory.volume.filter(|volume| (0.0..=1.0).contains(volume));
        memory
    }

    /// The form that is kept. Positions are kept to a tenth of a second, so that standing still writes nothing.
    pub(super) fn text(&self) -> String {
        let rounded = Memory { position_s: (self.position_s * 10.0).round() / 10.0, ..self.clone() };
        serde_json::to_string(&rounded).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_nonsense_is_nothing() {
        let memory = Memory {
            slots: [Some("ver_a".to_owned()), None],
            hears_b: true,
            position_s: 64.2,
            loop_s: Some((1.0, 2.5)),
            volume: Some(0.5),
            device: Some("Speakers".to_owned()),
            unmatched: true,
        };
        assert_eq!(Memory::read(&memory.text()), memory);
        assert_eq!(Memory::read("not json"), Memory::default());
        let wild = Memory::read(r#"{"position_s":-5,"loop_s":[3,1],"volume":7,"unknown":1}"#);
        assert_eq!(wild, Memory::default());
    }
}
