//! syncthing: two nodes that know each other's address and nothing else of the world.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use serde::Deserialize;

use super::{Peer, inbox, run};
use crate::network::Network;
use crate::relay::Link;
use crate::used::Used;

const KEY: &str = "bench";
/// As `sysconf(_SC_CLK_TCK)` is on every Linux there is.
const TICKS: f64 = 100.0;

struct Node {
    home: PathBuf,
    id: String,
    api: String,
    listen: String,
    process: Option<tokio::process::Child>,
}

/// Two ports nobody has, as `127.0.0.1:PORT`.
fn free_ports() -> anyhow::Result<[String; 2]> {
    let (one, other) = (std::net::TcpListener::bind("127.0.0.1:0")?, std::net::TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?.to_string(), other.local_addr()?.to_string()])
}

impl Node {
    async fn new(home: PathBuf) -> anyhow::Result<Self> {
        let place = home.display().to_string();
        std::fs::create_dir(&home)?;
        run("syncthing", &["generate", "--home", &place, "--no-default-folder"], &home, &[]).await?;
        let id = String::from_utf8(run("syncthing", &["--home", &place, "--device-id"], &home, &[]).await?)?.trim().to_owned();
        let [api, listen] = free_ports()?;
        Ok(Self { home, id, api, listen, process: None })
    }

    fn start(&mut self, folder: &Path, kind: &str, other: &Self, address: &str) -> anyhow::Result<()> {
        let settings = format!(
            r#"<configuration version="36">
<folder id="f" label="f" path="{}" type="{kind}" rescanIntervalS="0" fsWatcherEnabled="false"><device id="{own}"/><device id="{there}"/></folder>
<device id="{there}" name="there" compression="always"><address>{address}</address></device>
<gui enabled="true" tls="false"><address>{api}</address><apikey>{KEY}</apikey></gui>
<options><listenAddress>tcp://{listen}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser><reconnectionIntervalS>1</reconnectionIntervalS><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled></options>
</configuration>"#,
            folder.display(),
            own = self.id,
            there = other.id,
            api = self.api,
            listen = self.listen,
        );
        std::fs::write(self.home.join("config.xml"), settings)?;
        let process = tokio::process::Command::new("syncthing")
            .args(["serve", "--no-browser", "--no-restart", "--no-upgrade", "--home"])
            .arg(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.process = Some(process);
        Ok(())
    }

    /// Processor seconds and most memory (MB) so far.
    fn needed(&self) -> anyhow::Result<(f64, f64)> {
        let pid = self.process.as_ref().and_then(tokio::process::Child::id).context("syncthing runs")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
        Ok(((ticks(11) + ticks(12)) / TICKS, peak.context("peak memory")?.parse::<f64>()? * 1.024e-3))
    }
}

/// The pair.
pub(super) struct Syncthing {
    near: Node,
    far: Node,
    here: PathBuf,
    there: PathBuf,
    link: Link,
    client: reqwest::Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    completion: f64,
    need_items: u64,
}

impl Syncthing {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let (mut near, mut far) = (Node::new(folder.join("near")).await?, Node::new(folder.join("far")).await?);
        let there = folder.join("there");
        std::fs::create_dir(&there)?;
        for place in [&there, &inbox(folder)] {
            std::fs::create_dir(place.join(".stfolder"))?;
        }
        let link = Link::to(network, far.listen.parse()?)?;
        far.start(&there, "receiveonly", &near, "dynamic")?;
        near.start(&inbox(folder), "sendonly", &far, &format!("tcp://{}", link.address))?;
        let own = Self { near, far, here: inbox(folder), there, link, client: reqwest::Client::builder().no_proxy().build()? };
        // Both are up and know each other when the empty folder counts as complete.
        let start = Instant::now();
        while own.completion().await.is_err() || !own.are_connected().await.unwrap_or(false) {
            ensure!(start.elapsed() < Duration::from_secs(120), "the two nodes of syncthing find each other within two minutes");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(own)
    }

    async fn ask(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.client.get(format!("http://{}/rest/{path}", self.near.api)).header("X-API-Key", KEY).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    async fn completion(&self) -> anyhow::Result<Completion> {
        Ok(serde_json::from_str(&self.ask(&format!("db/completion?folder=f&device={}", self.far.id)).await?)?)
    }

    /// Whether every file here is there, of the same length and time.
    fn is_there(&self) -> anyhow::Result<bool> {
        for entry in std::fs::read_dir(&self.here)? {
            let (entry, name) = entry.map(|entry| (entry.metadata(), entry.file_name()))?;
            let (entry, there) = (entry?, std::fs::metadata(self.there.join(name)));
            if !there.is_ok_and(|there| there.is_dir() || (there.len() == entry.len() && there.modified().ok() == entry.modified().ok())) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn are_connected(&self) -> anyhow::Result<bool> {
        let text: serde_json::Value = serde_json::from_str(&self.ask("system/connections").await?)?;
        Ok(text["connections"][&self.far.id]["connected"].as_bool().unwrap_or(false))
    }
}

#[async_trait]
impl Peer for Syncthing {
    async fn put(&mut self) -> anyhow::Result<Used> {
        let (before, start) = (self.near.needed()?.0, Instant::now());
        let scan = format!("http://{}/rest/db/scan?folder=f", self.near.api);
        self.client.post(scan).header("X-API-Key", KEY).send().await?.error_for_status()?;
        loop {
            // The far node puts a file in its place, with its time, when it has all of it.
            let now = self.completion().await?;
            if now.completion >= 100.0 && now.need_items == 0 && self.is_there()? {
                break;
            }
            ensure!(start.elapsed() < Duration::from_secs(1_800), "syncthing is through within half an hour");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        let (cpu, memory) = self.near.needed()?;
        Ok(Used { seconds, cpu: cpu - before, memory })
    }

    fn passed(&self) -> u64 {
        self.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        Ok(std::fs::read(self.there.join(name))?)
    }
}
