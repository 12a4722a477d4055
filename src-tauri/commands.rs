//! The commands of the web view, by screen. Each takes the state and its arguments, makes one call, and hands out the error.
//!
//! `ui/src/lib/ipc/commands.ts` lists the same names with their arguments and results; a test compares both.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod catalogue;
pub(crate) mod comments;
pub(crate) mod hand_out;
pub(crate) mod library;
pub(crate) mod members;
pub(crate) mod organise;
pub(crate) mod server;
pub(crate) mod sound;

/// Registers every command of [`NAMES`].
macro_rules! commands {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// The names of all commands.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// The handler that dispatches calls of the web view.
        pub(crate) fn handler<R: tauri::Runtime>() -> impl Fn(tauri::ipc::Invoke<R>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($module::$name),*]
        }
    };
}

commands![
    library::status,
    library::projects,
    library::tracks,
    library::track,
    library::candidates,
    library::choose_folder,
    library::create_project,
    library::rescan,
    library::take_now,
    library::set_note,
    library::rename_track,
    library::restore_version,
    library::get_original,
    organise::set_kind,
    organise::move_versions,
    organise::split_track,
    organise::merge_tracks,
    organise::propose_folder,
    organise::take_over,
    organise::capture_rules,
    organise::set_capture_rules,
    organise::keeping,
    organise::set_keeping,
    organise::pin,
    organise::limits,
    organise::set_limits,
    sound::waveform,
    sound::overview,
    sound::player,
    sound::player_load,
    sound::player_unload,
    sound::player_play,
    sound::player_pause,
    sound::player_seek,
    sound::player_flip,
    sound::player_level_match,
    sound::player_loop,
    sound::player_volume,
    sound::player_difference,
    sound::blind_start,
    sound::blind_hear,
    sound::blind_answer,
    sound::blind_reveal,
    sound::blind_end,
    sound::devices,
    sound::choose_device,
    hand_out::copy_file,
    hand_out::reveal_file,
    hand_out::export_version,
    hand_out::drag_out,
    server::look_at_server,
    server::register,
    server::sign_in,
    server::sign_out,
    server::look_at_invitation,
    server::join,
    server::put_on_server,
    members::members,
    members::change_role,
    members::remove_member,
    members::leave_project,
    members::transfer_ownership,
    members::invite,
    members::invitations,
    members::revoke_invitation,
    members::renew_invitation,
    members::policies,
    members::set_policies,
    account::account,
    account::step_up,
    account::change_password,
    account::reset_password,
    account::sessions,
    account::end_session,
    account::end_other_sessions,
    account::known_devices,
    account::forget_device,
    account::totp_begin,
    account::totp_confirm,
    account::totp_off,
    account::new_recovery_codes,
    account::credentials,
    account::keep_sessions_in_file,
    account::ask_at_each_launch,
    server::sync_now,
    server::pause_sync,
    catalogue::catalogue,
    catalogue::export_catalogue,
    catalogue::import_catalogue,
    catalogue::import_answer,
    catalogue::import_problems,
    catalogue::import_propose,
    catalogue::schema,
    catalogue::check_schema,
    catalogue::propose_schema,
    catalogue::search_catalogue,
    catalogue::check_cells,
    catalogue::propose_cells,
    approval::propose_version,
    approval::inbox,
    approval::proposal,
    approval::approve,
    approval::hold_approval,
    approval::release_approval,
    approval::held_approvals,
    approval::check_file,
    approval::reject,
    approval::ask_for_changes,
    approval::withdraw,
    approval::submit,
    approval::propose_and_approve,
    approval::split,
    approval::resolve,
    approval::revert,
    approval::activity,
    comments::comments,
    comments::add_comment,
    comments::settle_comment,
    comments::heard,
];
