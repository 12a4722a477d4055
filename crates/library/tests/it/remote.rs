//! The suite that every `Remote` passes, on the server in memory.

use collabtrack_library::sync::testing::{conformance, faulty::Faulty, memory::MemoryRemote};

#[tokio::test]
async fn the_server_in_memory_behaves_as_every_remote_does() {
    let folder = tempfile::tempdir().expect("a folder");
    conformance::check(&MemoryRemote::default(), folder.path()).await;
}

#[tokio::test]
async fn a_faulty_remote_without_faults_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    conformance::check(&Faulty::new(MemoryRemote::default(), |_| None), folder.path()).await;
}
