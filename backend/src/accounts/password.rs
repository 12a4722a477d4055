//! Passwords: which are acceptable, and hashing them with argon2id on a bounded number of threads.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use collabtrack_protocol::problem::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::address::Address;
use crate::error::{Error, refuse};
use crate::random;

/// Hashes that may wait for their turn.
const WAITING: usize = 32;
/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(2);
const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 256;
const MAX_BYTES: usize = 1_024;

/// More than 8,000 passwords of 8 characters and more, most of them from the list of common passwords that Django ships (BSD licence).
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// What a hash costs: memory, passes and lanes of argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// The least that is accepted.
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// The most: more would let a few sign-ins exhaust the machine.
    const CEILING: Self = Self { memory_kib: 1_048_576, passes: 16, lanes: 8 };

    /// Reads `m=19456,t=2,p=1`; nothing for what is malformed or below the floor.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut number = |name: &str| parts.next()?.trim().strip_prefix(name)?.parse::<u32>().ok();
        let cost = Self { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let within = |value: u32, floor: u32, ceiling: u32| (floor..=ceiling).contains(&value);
        let (floor, ceiling) = (Self::FLOOR, Self::CEILING);
        let accepted = parts.next().is_none()
            && within(cost.memory_kib, floor.memory_kib, ceiling.memory_kib)
            && within(cost.passes, floor.passes, ceiling.passes)
            && within(cost.lanes, floor.lanes, ceiling.lanes);
        accepted.then_some(cost)
    }

    /// The cost of a stored hash.
    fn of_stored(hash: &str) -> Option<Self> {
        let numbers = hash.split('$').nth(3)?;
        let mut parts = numbers.split(',').filter_map(|pair| pair.split_once('=')?.1.parse::<u32>().ok());
        Some(Self { memory_kib: parts.next()?, passes: parts.next()?, lanes: parts.next()? })
    }

    fn is_below(self, other: Self) -> bool {
        self.memory_kib < other.memory_kib || self.passes < other.passes || self.lanes < other.lanes
    }
}

/// Refuses passwords that are too short, too long, common, or that hold the address, the name or the product's name.
/// # Errors
/// `password_refused`, with the reason.
pub fn check(password: &str, address: &Address, name: &str) -> Result<(), Error> {
    let refused =
        |why: String| refuse(ErrorCode::PasswordRefused, format!("No account was made: {why} A few unrelated words make a good password."));
    let length = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&length) || password.len() > MAX_BYTES {
        return Err(refused(format!("a password has {MIN_CHARS} to {MAX_CHARS} characters; this one has {length}.")));
    }
    let lower = password.to_lowercase();
    if COMMON.contains(lower.as_str()) {
        return Err(refused("this password is among the most common ones, which are guessed first.".to_owned()));
    }
    let context = [address.local_key(), &name.to_lowercase(), "collabtrack"].map(str::to_owned);
    // Very short words would forbid too much.
    if context.iter().any(|word| word.chars().count() >= 4 && lower.contains(word.as_str())) {
        return Err(refused("it holds your address, your name or the name of this program.".to_owned()));
    }
    Ok(())
}

/// The hashing threads: a few at work, some waiting, the rest turned away.
#[derive(Debug, Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    cost: HashCost,
    threads: mpsc::Sender<Job>,
    at_work: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Hash of nobody's password, verified for unknown addresses so that they cost the same work.
    dummy: Arc<str>,
}

impl Passwords {
    /// At most `threads` hashes at a time.
    #[must_use]
    pub fn new(threads: usize, cost: HashCost) -> Self {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).expect("every accepted cost is within what argon2 takes");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, &random::hex128(), &mut Vec::new()).into();
        Self {
            argon2,
            cost,
            threads: start_threads(threads),
            at_work: Arc::new(Semaphore::new(threads)),
            places: Arc::new(Semaphore::new(threads + WAITING)),
            dummy,
        }
    }

    /// The PHC string of a password.
    /// # Errors
    /// `too_many_requests` when too many hashes are waiting.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let argon2 = self.argon2.clone();
        self.work(move |memory| hash(&argon2, &password, memory)).await
    }

    /// Whether the password is that of `hash`; for no hash the same work is done and the answer is no.
    /// # Errors
    /// `too_many_requests` when too many hashes are waiting.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let (known, dummy) = (hash.is_some(), Arc::clone(&self.dummy));
        self.work(move |memory| fits(&password, hash.as_deref().unwrap_or(&dummy), memory) && known).await
    }

    /// Whether a stored hash is cheaper than what is asked for now, and should be made anew at the next sign-in.
    #[must_use]
    pub fn is_outdated(&self, hash: &str) -> bool {
        HashCost::of_stored(hash).is_none_or(|stored| stored.is_below(self.cost))
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.at_work).acquire_owned()).await.map_err(|_| busy())?;
        let turn: OwnedSemaphorePermit = turn.map_err(|_| busy())?;
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            let result = work(memory);
            drop((turn, place));
            // Whoever asked may be gone.
            let _ = tell.send(result);
        });
        self.threads.send(job).map_err(|_| busy())?;
        told.await.map_err(|_| Error::Damaged { what: "password" })
    }
}

type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// Threads of its own that live as long as the sender. Each keeps the memory of its hashes: given back and taken anew, blocks of 19 MiB leave
/// holes that other allocations break up, and a flood of sign-ins takes hundreds of MiB.
fn start_threads(count: usize) -> mpsc::Sender<Job> {
    let (give, take) = mpsc::channel::<Job>();
    let take = Arc::new(Mutex::new(take));
    for _ in 0..count {
        let take = Arc::clone(&take);
        std::thread::spawn(move || {
            let mut memory = Vec::new();
            loop {
                let job = take.lock().expect("nobody panics while taking a job").recv();
                let Ok(job) = job else { return };
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut memory))).is_err() {
                    tracing::error!("hashing a password panicked");
                }
            }
        });
    }
    give
}

/// The PHC string of a password, with a fresh salt.
fn hash(argon2: &Argon2<'_>, password: &str, memory: &mut Vec<Block>) -> String {
    let salt = random::bytes::<16>();
    let derived = derive(argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory).and_then(|hash| {
        Some(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params()).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(hash),
        })
    });
    derived.expect("argon2 takes any password within its length and 16 bytes of salt").to_string()
}

/// Whether the password is that of a PHC string, by the cost that stands in it. Compares in the same time wherever they differ.
fn fits(password: &str, stored: &str, memory: &mut Vec<Block>) -> bool {
    let mut right = || {
        let stored = PasswordHash::new(stored).ok()?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).ok()?);
        let expected = stored.hash?;
        Some(derive(&argon2, password, &stored.salt?, expected.len(), memory)? == expected)
    };
    right().unwrap_or(false)
}

fn derive(argon2: &Argon2<'_>, password: &str, salt: &[u8], length: usize, memory: &mut Vec<Block>) -> Option<Output> {
    // Grows once, and again where an operator raises the cost.
    memory.resize(argon2.params().block_count(), Block::new());
    let mut bytes = [0; Output::MAX_LENGTH];
    let out = bytes.get_mut(..length)?;
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory.as_mut_slice()).ok()?;
    Output::new(out).ok()
}

fn busy() -> Error {
    refuse(
        ErrorCode::TooManyRequests,
        "Too many people are signing in right now, so this try was not looked at. Try again in a few seconds.",
    )
    .retry_after_s(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address::parse("nina.simone@example.com").expect("an address")
    }

    #[test]
    fn short_long_common_and_personal_passwords_are_refused() {
        for password in
            ["", "seven77", "password123", "PASSWORD123", "nina.simone88", "xx Nina Simone xx", "mycollabtrack", &"x".repeat(257)]
        {
            assert!(check(password, &address(), "Nina Simone").is_err(), "{password}");
        }
        for password in ["correct horse battery", "ünïcödé wörds", " leading and trailing "] {
            assert!(check(password, &address(), "Nina Simone").is_ok(), "{password}");
        }
    }

    #[tokio::test]
    async fn the_stored_form_is_argon2id_at_or_above_the_floor() {
        let stored = Passwords::new(1, HashCost::FLOOR).hash("correct horse battery".to_owned()).await.expect("hashed");
        let fields: Vec<&str> = stored.split('$').collect();
        assert_eq!(fields[1..3], ["argon2id", "v=19"]);
        let numbers: Vec<u32> = fields[3].split(',').map(|pair| pair[2..].parse().expect("a number")).collect();
        assert!(numbers[0] >= 19_456 && numbers[1] >= 2 && numbers[2] >= 1, "{stored}");
    }

    #[test]
    fn a_cost_below_the_floor_or_beyond_reason_is_refused() {
        assert_eq!(HashCost::parse("m=19456,t=2,p=1"), Some(HashCost::FLOOR));
        assert!(HashCost::parse("m=65536,t=3,p=4").is_some());
        for text in [
            "m=8192,t=2,p=1",
            "m=19456,t=1,p=1",
            "m=19456,t=2,p=0",
            "m=19456,t=2",
            "m=19456,t=2,p=1,x=1",
            "m=4194304,t=2,p=1",
            "",
            "19456,2,1",
        ] {
            assert_eq!(HashCost::parse(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_hash_made_when_it_cost_less_is_outdated() {
        let stored = Passwords::new(1, HashCost::FLOOR).hash("correct horse battery".to_owned()).await.expect("hashed");
        assert!(!Passwords::new(1, HashCost::FLOOR).is_outdated(&stored));
        let dearer = HashCost { passes: 3, ..HashCost::FLOOR };
        assert!(Passwords::new(1, dearer).is_outdated(&stored));
    }

    #[tokio::test]
    async fn a_password_counts_exactly_as_given() {
        let passwords = Passwords::new(1, HashCost::FLOOR);
        let composed = "caf\u{e9} caf\u{e9}".to_owned();
        let stored = passwords.hash(composed.clone()).await.expect("hashed");
        assert!(passwords.verify(composed, Some(stored.clone())).await.expect("verified"));
        assert!(!passwords.verify("cafe\u{301} cafe\u{301}".to_owned(), Some(stored)).await.expect("verified"));
        assert!(!passwords.verify("anything".to_owned(), None).await.expect("verified"));
    }

    #[test]
    fn strings_of_the_library_fit_and_ours_fit_the_library() {
        use argon2::password_hash::{PasswordHasher, PasswordVerifier};
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).expect("the floor"));
        let theirs = argon2.hash_password_with_salt(b"correct horse battery", &[7; 16]).expect("hashed").to_string();
        let mut memory = Vec::new();
        assert!(fits("correct horse battery", &theirs, &mut memory) && !fits("correct horse", &theirs, &mut memory));
        let ours = hash(&argon2, "correct horse battery", &mut memory);
        assert!(argon2.verify_password(b"correct horse battery", ours.as_str()).is_ok());
        for damaged in ["", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$", &theirs.replace("m=19456", "m=4")] {
            assert!(!fits("correct horse battery", damaged, &mut memory), "{damaged}");
        }
    }

    #[tokio::test]
    async fn more_work_than_places_is_turned_away_at_once() {
        let passwords = Passwords::new(1, HashCost::FLOOR);
        let tries = futures::future::join_all((0..60).map(|n| passwords.hash(format!("correct horse {n}")))).await;
        let refused = tries.iter().filter(|result| result.is_err()).count();
        assert!(refused >= 60 - 1 - WAITING, "{refused} were turned away");
        assert!(refused < 60, "some were served");
    }
}
