//! What is done in a directory `$1`. Every script removes what it has made there; what it is about is
//! planted anew before each run.

use std::path::{Path, PathBuf};

/// Small files that are made, renamed and deleted.
const FILES: f64 = 50_000.0;
/// MiB that are written into one file.
const MEGABYTES: f64 = 1024.0;

/// What is measured.
pub(super) struct Build {
    pub(super) name: &'static str,
    /// What lies in the directory before.
    pub(super) site: Site,
    /// What must be installed.
    pub(super) tools: &'static [&'static str],
    pub(super) script: String,
    pub(super) proot: Proot,
}

/// How proot runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proot {
    /// Where the directory is bound.
    Bound,
    /// Where it is, with nothing bound, which costs less: its `statx` finds nothing in what is bound.
    InPlace,
}

/// What lies in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Site {
    /// A project of the lab.
    Project(&'static str),
    /// A directory of the fixtures.
    Fixture(&'static str),
    /// Nothing.
    Empty,
}

const LUA: Site = Site::Project("lua");

const MAKE: &str = "make -s -j2 ROOT=.; make -s -q ROOT=.; rm -f *.o liblua.so program";
const CMAKE: &str = "printf '%s\\n' 'cmake_minimum_required(VERSION 3.10)' 'project(lua C)' 'file(GLOB all *.c)' \
      'add_library(lua SHARED ${all})' 'target_compile_definitions(lua PRIVATE LUA_USE_LINUX)' > CMakeLists.txt; \
    cmake -G Ninja -S . -B b; ninja -C b; ninja -C b; touch lapi.c; ninja -C b; touch CMakeLists.txt; ninja -C b; \
    rm -r b CMakeLists.txt";
const CARGO: &str = "build() { \"$CARGO\" build --offline; }; export CARGO_INCREMENTAL=1 CARGO_HOME=$PWD/home; \
    build; build; echo 'pub fn more() {}' >> beside/src/lib.rs; build; build; \"$CARGO\" clean; rm -r home";
const PIP: &str = "\"$PYTHON\" wheel.py; \"$PYTHON\" -m venv v; \
    ./v/bin/python -m pip install -q --no-index --no-cache-dir --disable-pip-version-check ./told-1.0-py3-none-any.whl; \
    ./v/bin/python -c 'import told'; rm -r v *.whl";
const NPM: &str = "export npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_audit=false \
      npm_config_fund=false npm_config_offline=true npm_config_loglevel=error; \
    (cd pkg; npm pack -s); cd app; npm install -s ../pkg/pkg-1.2.3.tgz; ./node_modules/.bin/tell; \
    npm uninstall -s pkg; rm -rf node_modules package-lock.json ../cache ../pkg/*.tgz";
const GIT: &str = "g() { git -c user.name=n -c user.email=e -c init.defaultBranch=m \"$@\"; }; \
    g init -q .; g add -A; g commit -qm m; g clone -q . c; cd c; echo '/* */' >> lapi.c; g commit -qam n; \
    g checkout -q HEAD^; g checkout -q m; g gc -q; cd ..; rm -rf c .git";
const SQLITE: &str = "\"$PYTHON\" start.py; \"$PYTHON\" write.py a & a=$!; \"$PYTHON\" write.py b; wait $a; \
    \"$PYTHON\" look.py; rm -f db*";
const TAR: &str = "tar c -C /usr include | tar x; rm -r include";
const RSYNC: &str = "rsync -a /usr/include/ to; rsync -a /usr/include/ to; rm -r to";
const COPY: &str = "cp -a /usr/include/. copy; rm -r copy";
const SED: &str = "for i in 1 2 3 4 5; do sed -i s/lua/LuA/ *.c; sed -i s/LuA/lua/ *.c; done";
const SAVE: &str = "for i in 1 2 3 4 5; do for f in *.c; do \
      cp -p $f .$f.new; echo >> .$f.new; sync .$f.new; ln -f $f $f~; mv .$f.new $f; done; done; rm *~";
const JOBS: &str = "mkfifo tokens; exec 9<>tokens; printf ++++ >&9; \
    job() { token=$(dd bs=1 count=1 2> none < tokens); : > busy.$1; rm busy.$1; echo done > out.$1; \
      printf $token > tokens; }; \
    for n in 0 1 2 3 4; do for m in 0 1 2 3 4 5 6 7 8 9; do job $n$m & done; wait; done; rm none out.* tokens";

/// All of it. `churn` is the program of that name among the fixtures' guests.
pub(super) fn all(churn: &Path, python: &str) -> Vec<Build> {
    let scale = std::env::var("VRIFT_SCALE").ok().and_then(|scale| scale.parse().ok());
    let scaled = |of: f64| ((of * scale.unwrap_or(1.0)) as u64).max(1);
    let churned = format!("exec '{}' . {}", churn.display(), scaled(FILES));
    let megabytes = scaled(MEGABYTES);
    let written = format!("dd if=/dev/zero of=big bs=1M count={megabytes}; rm big");
    let cargo = std::env::var_os("CARGO").map(PathBuf::from).unwrap_or_default();
    let rustc = cargo.with_file_name("rustc");
    let rust = format!("CARGO='{}'; export RUSTC='{}'; ", cargo.display(), rustc.display());
    let python = format!("PYTHON='{python}'; ");
    let build = |name, site, tools, script: &str| {
        let proot = if name == "cargo" { Proot::InPlace } else { Proot::Bound };
        Build { name, site, tools, script: format!("cd \"$1\"; {script}"), proot }
    };
    vec![
        build("files", Site::Empty, &[], &churned),
        build("write", Site::Empty, &[], &written),
        build("make", LUA, &["make", "cc"], MAKE),
        build("make-tiny", Site::Project("tiny"), &["make", "cc"], MAKE),
        build("cmake", LUA, &["cmake", "ninja", "cc"], CMAKE),
        build("cargo", Site::Fixture("builds/cargo"), &["cc"], &(rust + CARGO)),
        build("pip", Site::Fixture("builds/pip"), &["python3"], &(python.clone() + PIP)),
        build("npm", Site::Fixture("builds/npm"), &["npm"], NPM),
        build("git", LUA, &["git"], GIT),
        build("sqlite", Site::Fixture("builds/sqlite"), &["python3"], &(python + SQLITE)),
        build("tar", Site::Empty, &["tar"], TAR),
        build("rsync", Site::Empty, &["rsync"], RSYNC),
        build("cp", Site::Empty, &[], COPY),
        build("sed", LUA, &[], SED),
        build("save", LUA, &[], SAVE),
        build("jobs", Site::Empty, &[], JOBS),
    ]
}
