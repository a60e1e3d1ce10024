//! Programs with many files of their own, run on a real directory and in a mount of it: they must say
//! the same and end the same.
//!
//! Deliberately absent: shells, core utilities, perl and python (`usr.rs`), and compilers alone
//! (`project.rs`).

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Sandbox, Twin, fixture, have, run, skipped};

/// Writes text files below a directory.
fn plant(tree: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().expect("it is below the tree")).expect("a directory");
        fs::write(path, text).expect("a new file");
    }
}

/// The source of a program that is linked statically.
const STATIC: &str = "alone";

#[test]
fn a_static_program_that_lies_in_the_mount() {
    if !have("musl-gcc") {
        return;
    }
    let twin = Twin::new(|sandbox| {
        plant(&sandbox.tree(), &[("text", "some text\n"), ("sub/inner", "more\n")]);
        symlink("sub/inner", sandbox.tree().join("link")).expect("a link");
        let mut cc = sandbox.command("musl-gcc");
        cc.args(["-O1", "-Wall", "-Werror", "-static", "-pthread", "-o"]);
        cc.arg(sandbox.tree().join("program")).arg(fixture(format!("guests/{STATIC}.c")));
        assert_eq!(run(&mut cc).fine(), "");
    });
    let tree = twin.sandbox.tree();
    let words = [tree.join("program"), tree.clone()].map(OsString::from);
    let native = run(&mut twin.sandbox.natively(&words));
    assert_eq!(native.code(), Some(7), "{native}");
    twin.compare(&[words.to_vec()]);
}

const GIT: &str = "set -e; export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'; \
    mkdir \"$T\"; cd \"$T\"; git init -q -b main; git config user.name a; git config user.email a@example.org; \
    mkdir -p src/deep; seq 200 > src/numbers; echo x > src/deep/x; ln -s deep/x src/link; printf '\\0\\1' > binary; \
    echo ignored > .gitignore; git add -A; git commit -qm first; git tag v1; \
    git checkout -qb side; echo side > side; git add side; git commit -qm side; git checkout -q main; \
    seq 2 300 > src/numbers; git mv src/deep/x src/deep/y; git commit -qam second; \
    git merge -q -m merged side; git gc -q; echo loose > loose; git add loose; \
    echo changed >> src/numbers; echo new > untracked; echo no > ignored; rm binary; chmod +x src/deep/y";

#[test]
fn git_looks_at_a_repository_in_the_mount() {
    if !have("git") {
        return;
    }
    let sandbox = Sandbox::new();
    run(sandbox.natively(&["sh", "-c", GIT]).env("T", sandbox.tree())).fine();
    Twin::of(sandbox).scripts(&[
        "git log --graph --stat --format='%H %an %s'",
        "git log -p --follow src/deep/y; git log --oneline --all -- src",
        "git status; git status --porcelain=v2 --ignored; cd src/deep && git status -s",
        "git diff; git diff --cached; git diff --stat v1 HEAD; git diff --exit-code; echo $?",
        "git show HEAD^2; git show HEAD:src/numbers | tail -3; git cat-file -p 'HEAD^{tree}'",
        "git blame HEAD src/numbers | md5sum; git grep -n side; git ls-files -s; git describe --tags",
        "git fsck --strict; git count-objects -v; git rev-parse --show-toplevel HEAD",
        "git clone -q . $S/tmp/clone && cd $S/tmp/clone && git log --format=%H; rm -rf $S/tmp/clone",
        "git rev-parse -q --verify nothing; echo $?; git stash list; git branch -av; git reflog",
    ]);
}

const MODULES: &[(&str, &str)] = &[
    ("package.json", r##"{"name": "app", "type": "commonjs", "imports": {"#inner": "./lib/inner.js"}}"##),
    (
        "main.js",
        "const path = require('path'), fs = require('fs');
         console.log(__filename, process.cwd(), require('./lib'), require('#inner'), require('pkg'), require('linked'));
         console.log(require.resolve('pkg/sub'), require('./data.json').list.length, Object.keys(require.cache));
         try { require('./missing'); } catch (e) { console.log(e.code, e.requireStack); }
         console.log(fs.readdirSync(__dirname, { recursive: true }).sort(), fs.realpathSync('node_modules/linked'));
         for (const entry of fs.readdirSync('.', { withFileTypes: true })) console.log(entry.name, entry.isDirectory());
         console.log(fs.existsSync('lib/no'), fs.statSync('data.json').size, fs.readlinkSync('node_modules/linked'));
         try { fs.writeFileSync('/dev/null', 'x'); fs.accessSync('data.json', fs.constants.R_OK); } catch (e) { console.log(e); }
         const { execFileSync } = require('child_process');
         console.log(execFileSync(process.execPath, ['-p', 'process.cwd() + require(\"./lib\")']).toString());
         const { Worker } = require('worker_threads');
         new Worker('./lib/worker.js').on('message', text => console.log(text)).on('exit', code =>
           import('./esm/start.mjs').then(m => { console.log(m.default, code); process.exitCode = 3; }));
         fs.createReadStream('data.json').on('data', part => console.log('streamed', part.length));",
    ),
    ("lib/index.js", "module.exports = 'lib ' + require('./inner')"),
    ("lib/inner.js", "module.exports = 'inner ' + __dirname"),
    ("lib/worker.js", "require('worker_threads').parentPort.postMessage(require('pkg') + ' in a worker')"),
    ("data.json", r#"{"list": [1, 2, 3]}"#),
    ("esm/start.mjs", "import inner, { named } from './inner.mjs'; import pkg from 'pkg'; export default [inner, named, pkg, import.meta.url]"),
    ("esm/inner.mjs", "export const named = import.meta.filename; export default 'esm'"),
    ("node_modules/pkg/package.json", r#"{"name": "pkg", "main": "./dist/main.js", "exports": {".": "./dist/main.js", "./sub": "./dist/sub.js"}}"#),
    ("node_modules/pkg/dist/main.js", "module.exports = 'pkg with ' + require('linked')"),
    ("node_modules/pkg/dist/sub.js", ""),
    ("node_modules/.store/linked/index.js", "module.exports = 'linked from ' + __dirname"),
    ("node_modules/.bin/tool", "#!/usr/bin/env node\nconsole.log('tool', process.argv.slice(1)); process.exit(4)\n"),
];

#[test]
fn node_with_a_tree_of_modules_in_the_mount() {
    if !have("node") {
        return;
    }
    let twin = Twin::new(|sandbox| {
        plant(&sandbox.tree(), MODULES);
        let modules = sandbox.tree().join("node_modules");
        symlink(".store/linked", modules.join("linked")).expect("a link");
        let tool = modules.join(".bin/tool");
        fs::set_permissions(tool, Permissions::from_mode(0o755)).expect("it is ours");
    });
    twin.scripts(&[
        "node main.js",
        "cd lib && node ../main.js | head -1; node -e 'require(\"./none\")' 2>/dev/null; echo $?",
        "./node_modules/.bin/tool a b; PATH=$PATH:$T/node_modules/.bin tool c",
        "node --input-type=module -e 'import { watch } from \"fs\"; const w = watch(\".\"); console.log(typeof w.close); w.close()'",
    ]);
}

/// The cargo that runs these tests: a version manager's wrapper wants a home.
fn cargo() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO").map(PathBuf::from);
    let works = |cargo: &PathBuf| {
        Command::new(cargo).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let found = cargo.filter(works);
    if found.is_none() {
        skipped("there is no cargo that this user may run, or it does not run this test");
    }
    found
}

const CRATES: &[(&str, &str)] = &[
    (
        "app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [dependencies]\nbeside = { path = \"../beside\" }\ntiny = \"1\"\n[workspace]\n",
    ),
    (
        "app/src/main.rs",
        "mod deep;\nfn main() { println!(\"{} {} {} {}\", beside::told(), tiny::answer(), deep::text(), env!(\"BUILT\")); \
         std::process::exit(6) }\n",
    ),
    (
        "app/src/deep/mod.rs",
        "pub fn text() -> &'static str { include_str!(\"../../data/text\") }\n",
    ),
    ("app/data/text", "included"),
    (
        "app/build.rs",
        "fn main() { let n = std::fs::read_dir(\"data\").unwrap().count(); \
         println!(\"cargo:rustc-env=BUILT={n} files in {}\", std::env::current_dir().unwrap().display()); }\n",
    ),
    (
        "app/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"../vendor\"\n",
    ),
    (
        "beside/Cargo.toml",
        "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    ),
    ("beside/src/lib.rs", "pub fn told() -> String { format!(\"beside {}\", file!()) }\n"),
    (
        "vendor/tiny/Cargo.toml",
        "[package]\nname = \"tiny\"\nversion = \"1.2.3\"\nedition = \"2021\"\n",
    ),
    ("vendor/tiny/src/lib.rs", "pub fn answer() -> u32 { 42 }\n"),
    ("vendor/tiny/.cargo-checksum.json", "{\"files\": {}, \"package\": null}"),
];

/// Sources and vendored crates in the mount, `target` outside: the program has the same bytes.
#[test]
fn cargo_builds_a_crate_in_the_mount() {
    let Some(cargo) = cargo() else { return };
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree(), CRATES);
    let target = sandbox.path("target");
    // The configuration is looked for above the current directory.
    let words = |args: &[&str]| {
        let mut words =
            ["sh", "-c", "cd \"$APP\" && exec \"$@\"", "sh"].map(OsString::from).to_vec();
        words.push(cargo.clone().into());
        words.extend(args.iter().map(OsString::from));
        words
    };
    let cargo_in = |mut command: Command| {
        command
            .env("CARGO_HOME", sandbox.path("cargo"))
            .env("RUSTC", cargo.with_file_name("rustc"));
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", &target);
        run(command.env("APP", sandbox.tree().join("app"))).fine()
    };
    cargo_in(sandbox.natively(&words(&["generate-lockfile", "-q", "--offline"])));
    let build = words(&["build", "-q", "--offline", "--locked"]);
    cargo_in(sandbox.natively(&build));
    let program = target.join("debug/app");
    let native = fs::read(&program).expect("the program");
    assert_eq!(run(&mut sandbox.natively(&[&program])).code(), Some(6));

    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    fs::remove_dir_all(&target).expect("it is ours");
    cargo_in(sandbox.in_mount(&build));
    assert!(fs::read(&program).expect("the program") == native, "the program differs");
    assert!(!sandbox.tree().exists(), "nothing was made on the host");
}
