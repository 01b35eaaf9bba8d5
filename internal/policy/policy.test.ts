import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { createPolicy } from "./policy.js";
import type { CheckContext, Permission } from "./types.js";

type Answer = Permission | "runs";

const policy = createPolicy();
let dir = "";
let root = "";

test.before(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "policy-")));
  root = join(dir, "work");
  for (const folder of ["work/pkg/deep", "work/src", "home/.ssh", "bin", "elsewhere"]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  writeFileSync(join(root, "README.md"), "");
  symlinkSync(join(dir, "elsewhere"), join(root, "leads-out"));
  symlinkSync("pkg", join(root, "leads-in"));
  symlinkSync("pkg/nothing-yet", join(root, "broken"));
  symlinkSync("/etc/nothing-yet", join(root, "broken-out"));
  symlinkSync("/usr/bin/env", join(root, "system-link"));
  writeFileSync(join(dir, "bin/as-owner"), "");
  chmodSync(join(dir, "bin/as-owner"), 0o4755);
  writeFileSync(join(root, "as-group"), "");
  chmodSync(join(root, "as-group"), 0o2755);
});
test.after(() => rmSync(dir, { recursive: true }));

function context(parts: Partial<CheckContext> = {}): CheckContext {
  return {
    mode: "safe",
    root,
    cwd: "",
    home: join(dir, "home"),
    allowedPaths: ["/tmp/own", join(dir, "home")],
    searchPath: `${join(dir, "bin")}:/usr/bin:/bin`,
    env: {},
    stdin: false,
    allowNetwork: false,
    ...parts,
  };
}

async function answer(command: string, parts: Partial<CheckContext> = {}): Promise<Answer> {
  const [first] = await policy.refusals(command, context(parts));
  return first?.permission ?? "runs";
}

/** Command lines with what safe and trusted say of them; one answer stands for both. */
type Table = readonly (readonly [command: string, safe: Answer, trusted?: Answer])[];

function table(title: string, rows: Table): void {
  test(title, async () => {
    for (const [command, safe, trusted = safe] of rows) {
      assert.is(await answer(command), safe, `safe: ${command}`);
      assert.is(await answer(command, { mode: "trusted" }), trusted, `trusted: ${command}`);
      assert.is(await answer(command, { mode: "dangerous" }), "runs", `dangerous: ${command}`);
    }
  });
}

table("words in quotes, file names and patterns are not commands", [
  ["git commit -m 'fix su handling'", "runs"],
  ["git commit -am 'sudo rm -rf / $(curl evil) `id`'", "runs"],
  ["git commit -m '/etc/passwd was read'", "runs"],
  ['git commit --message="see https://example.com/x"', "runs"],
  ["git log --grep sudo --oneline", "runs"],
  ["git checkout su", "runs"],
  ["git diff main..feature", "runs"],
  ["git remote add origin https://example.com/x.git", "runs"],
  ["git reset --soft HEAD~1", "runs"],
  ["git clean -n", "runs"],
  ["git clean -nfd", "runs"],
  ["git stash push -m 'git reset --hard'", "runs"],
  ["node requests.js", "runs"],
  ["node curl.js wget ssh", "runs"],
  ["node script.js -e production", "runs"],
  ["node -r ./hook.js server.js --eval x", "runs"],
  ["python socket_test.py -c config.ini", "runs"],
  ["python3 -m pytest -k 'socket and not http'", "runs"],
  ["python3 -m http.server 8000", "runs"],
  ["perl script.pl -e", "runs"],
  ["ruby -Ilib test/http_test.rb", "runs"],
  ["bash build.sh -c Release", "runs"],
  ["bash -eu -o pipefail ./build.sh", "runs"],
  [`awk '{print \${1}}' README.md`, "runs"],
  ["awk -F / '{print $2}' README.md", "runs"],
  ["awk '/etc/ {print}' README.md", "runs"],
  ["sed -n '/home/,/root/p' README.md", "runs"],
  ["sed -e '/etc/d' -e '/usr/d' README.md", "runs"],
  ["sed 's|http://a|https://b|' README.md", "runs"],
  ["grep -rn '/etc/passwd' src", "runs"],
  ["grep -e '/home/' README.md", "runs"],
  ["grep --regexp=/etc/x README.md", "runs"],
  ["rg 'curl|wget' -g '*.sh'", "runs"],
  ["rg '/api/users' src", "runs"],
  ["jq '.a/.b' package.json", "runs"],
  ["echo 'a `quoted` backtick'", "runs"],
  ['echo "it\'s $HOME and \\$(not run)"', "runs"],
  ["echo curl wget ssh http://example.com", "runs"],
  ["printf '%s\\n' /etc/passwd", "runs"],
  ["echo sudo; true", "runs"],
  ["echo hi # sudo rm -rf / $(x)", "runs"],
  ["cat <<'EOF'\nsudo $(curl x) `id` $y\nEOF", "runs"],
  ["tr '/' '_' < README.md", "runs"],
  ["cut -d / -f 2 README.md", "runs"],
  ["sort -t / -k 2 README.md", "runs"],
  ["curlew --version", "runs"],
  ["./su-test.sh", "runs"],
  ["npm run mount", "runs"],
  ["npm install", "runs"],
  ["make -j4 test", "runs"],
  ["make -C pkg install", "runs"],
  ["cargo test --workspace", "runs"],
  ["go test ./...", "runs"],
  ["npx tsc --noEmit && npm test", "runs"],
  ["test -f README.md || exit 1", "runs"],
  ["[ -d src ] && ls src", "runs"],
  ["[[ $x == su* ]] && echo y", "runs"],
  ['for f in *.ts; do wc -l "$f"; done', "runs"],
  ["echo $((1 + 2))", "runs"],
  ["FOO=1 BAR=2 npm test", "runs"],
  ["command -v sudo", "runs"],
  ["type su", "runs"],
  ["which curl wget", "runs"],
  ["man mount", "runs"],
  ["kill %1", "runs"],
  ["find . -name '*.tmp' -print", "runs"],
  ["find src -exec grep -l su {} +", "runs"],
  ["xargs -n 1 echo sudo < README.md", "runs"],
  ["rm -f build.log", "runs"],
  ["rm -r build", "runs"],
  ["chmod 644 README.md", "runs"],
  ["chmod +x build.sh", "runs"],
  ["sleep 1 & wait", "runs"],
  ["cat README.md | head -n 3 | tail -n 1", "runs"],
  ["cat README.md | node filter.js", "runs"],
  ["cat data.json | python -m json.tool", "runs"],
  ["bash < build.sh", "runs"],
  ["env NODE_ENV=test npm test", "runs"],
  ["time npm test", "runs"],
  ["timeout 60 npm test", "runs"],
  ["nice -n 10 make", "runs"],
  ["", "runs"],
  ["   # only a comment", "runs"],
]);

table("paths: the workspace, its links, what the sandbox shows, and the rest", [
  ["cat pkg/../README.md", "runs"],
  ["cd pkg && cat ../README.md", "runs"],
  ["cd pkg/deep; ls ../../src", "runs"],
  ["cd -P -- pkg && cat ../README.md", "runs"],
  ["cd && cat ../README.md", "runs"],
  ["pushd pkg; cat ../README.md; popd", "runs"],
  ["(cd pkg && pwd); cat ../README.md", "filesystem_escape"],
  ["cd pkg && cat ../../x", "filesystem_escape"],
  ["cd - && cat ../README.md", "runs"],
  ["git -C pkg log -- ../README.md", "runs"],
  ["make -C pkg OUT=../src", "runs"],
  ["make OUT=../../x", "filesystem_escape"],
  ["cat ../secret", "filesystem_escape"],
  ["cat ./a/../../x", "filesystem_escape"],
  ["ls ..", "filesystem_escape"],
  ["cat /etc/passwd", "filesystem_escape"],
  ["cat '/etc/passwd'", "filesystem_escape"],
  ["cat $'\\x2fetc/passwd'", "filesystem_escape"],
  ['cat /e"tc"/passwd', "filesystem_escape"],
  ["cat /etc/{passwd,group}", "filesystem_escape"],
  ["cat {README.md,/etc/passwd}", "filesystem_escape"],
  ["cat /etc/pass*", "filesystem_escape"],
  ["ls /*", "filesystem_escape"],
  ["ls /", "filesystem_escape"],
  ["cat < /etc/passwd", "filesystem_escape"],
  ["echo x > /etc/cron.d/y", "filesystem_escape"],
  ["{ cat; } < /etc/passwd", "filesystem_escape"],
  ["while read -r l; do echo $l; done < /etc/passwd", "filesystem_escape"],
  ["tar --file=/etc/x -c .", "filesystem_escape"],
  ["tar -C /etc -c .", "filesystem_escape"],
  ["gcc -I/etc/include x.c", "filesystem_escape"],
  ["dd if=/dev/sda of=x", "filesystem_escape"],
  ["ls ~root", "filesystem_escape"],
  ["xargs -a /etc/passwd echo", "filesystem_escape"],
  ["find /etc -exec cat {} ;", "filesystem_escape"],
  ["sed -f /etc/passwd README.md", "filesystem_escape"],
  ["grep root /etc/passwd", "filesystem_escape"],
  ["cat leads-out/x", "filesystem_escape"],
  ["cat leads-out/not-there/x", "filesystem_escape"],
  ["echo x > broken-out", "filesystem_escape"],
  ["/etc/init.d/thing start", "filesystem_escape"],
  ["if true; then cat /etc/passwd; fi", "filesystem_escape"],
  ["f() { cat /etc/passwd; }; f", "filesystem_escape"],
  ["cat leads-in/x", "runs"],
  ["rm broken", "runs"],
  ["./system-link true", "runs"],
  ["ls ~ ~/.ssh", "runs"],
  ["cat $HOME/.config/x", "runs"],
  ["cat $PWD/README.md", "runs"],
  ["cat $HOME/../x", "filesystem_escape"],
  ["ls /usr/include", "runs"],
  ["/usr/bin/env true", "runs"],
  ["cmd > /dev/null 2>&1 < /dev/zero", "runs"],
  ["cp README.md /tmp/own/x", "runs"],
  ["curl-like /no-such-top/users/list", "runs"],
  ["node server.js --route /no-such-top", "runs"],
  ["cat $X/etc/passwd", "runs"],
  ["./as-group x", "privileged_executable"],
  ["as-owner", "privileged_executable"],
  ["env FOO=1 as-owner", "privileged_executable"],
]);

table("inline scripts", [
  ["sh -c 'echo hi'", "inline_script", "runs"],
  ["bash -lc 'npm test'", "inline_script", "runs"],
  ["bash -o pipefail -c 'echo hi'", "inline_script", "runs"],
  ["/bin/sh -c 'echo hi'", "inline_script", "runs"],
  ["busybox sh -c 'echo hi'", "inline_script", "runs"],
  ["env -i sh -c 'echo hi'", "inline_script", "runs"],
  ["xargs -I{} sh -c 'echo {}' < README.md", "inline_script", "runs"],
  ["find . -exec sh -c 'echo $1' _ {} \\;", "inline_script", "runs"],
  ["python -c 'print(1)'", "inline_script", "runs"],
  ["python3.11 -Ic 'print(1)'", "inline_script", "runs"],
  ["uv run python -c 'print(1)'", "inline_script", "runs"],
  ["node -e '1'", "inline_script", "runs"],
  ["node -pe '1'", "inline_script", "runs"],
  ["node --eval=1", "inline_script", "runs"],
  ["deno eval '1'", "inline_script", "runs"],
  ["perl -ne 'print' README.md", "inline_script", "runs"],
  ["perl -pi -e 's/a/b/' README.md", "inline_script", "runs"],
  ["ruby -e 'puts 1'", "inline_script", "runs"],
  ["php -r 'echo 1;'", "inline_script", "runs"],
  ["eval 'echo hi'", "inline_script", "runs"],
  ["python - <<'EOF'\nprint(1)\nEOF", "inline_script", "runs"],
  ["python3 <<EOF\nprint(1)\nEOF", "inline_script", "runs"],
  ["bash <<< 'echo hi'", "inline_script", "runs"],
  ["echo 'echo hi' | sh", "inline_script", "runs"],
  ["cat build.sh | bash -s -- x", "inline_script", "runs"],
  ["cat x | bash /dev/stdin", "inline_script", "runs"],
  ["p''ython -c 1", "inline_script", "runs"],
]);

table("expansions", [
  ["echo $(date)", "shell_expansion", "runs"],
  ["echo `date`", "shell_expansion", "runs"],
  ['echo "today: $(date)"', "shell_expansion", "runs"],
  [`echo \${HOME}`, "shell_expansion", "runs"],
  [`echo \${x:-$(id)}`, "shell_expansion", "runs"],
  ["cat <<EOF\n$(id)\nEOF", "shell_expansion", "runs"],
  ["diff <(ls) README.md", "shell_expansion", "runs"],
  ["echo $((1 + $(id -u)))", "shell_expansion", "runs"],
  ["x=$(id) true", "shell_expansion", "runs"],
  ["a=(1 $(id))", "shell_expansion", "runs"],
  ["[[ -n $(id) ]]", "shell_expansion", "runs"],
  ["case $(id) in *) true;; esac", "shell_expansion", "runs"],
  ["$RUNNER test", "shell_expansion", "runs"],
  ["/usr/bin/s?do ls", "shell_expansion", "runs"],
  ["{echo,hi}", "shell_expansion", "runs"],
  ["echo $HOME $1 $?", "runs"],
]);

table("destruction, however it is spelt", [
  ["sudo ls", "destructive_command"],
  ["\\sudo ls", "destructive_command"],
  ["'sudo' ls", "destructive_command"],
  ['s"u"do ls', "destructive_command"],
  ["su''do ls", "destructive_command"],
  ["$'\\x73udo' ls", "destructive_command"],
  ["su\\\ndo ls", "destructive_command"],
  ["/usr/bin/sudo ls", "destructive_command"],
  ["su - root", "destructive_command"],
  ["true && sudo ls", "destructive_command"],
  ["true; sudo ls", "destructive_command"],
  ["true\nsudo ls", "destructive_command"],
  ["true | sudo tee x", "destructive_command"],
  ["! sudo ls", "destructive_command"],
  ["time -p sudo ls", "destructive_command"],
  ["coproc sudo ls", "destructive_command"],
  ["FOO=1 sudo ls", "destructive_command"],
  ["> out 2>&1 sudo ls", "destructive_command"],
  ["env -i FOO=1 sudo ls", "destructive_command"],
  ["env -u FOO sudo ls", "destructive_command"],
  ["env -S 'sudo ls'", "destructive_command"],
  ["command sudo ls", "destructive_command"],
  ["exec -a x sudo ls", "destructive_command"],
  ["nohup nice -n 5 timeout -k 5 10 sudo ls", "destructive_command"],
  ["stdbuf -oL sudo ls", "destructive_command"],
  ["watch -n 1 sudo ls", "destructive_command"],
  ["trap 'sudo ls' EXIT", "destructive_command"],
  ["alias ll='sudo ls'", "destructive_command"],
  ["f() { sudo ls; }", "destructive_command"],
  ["if sudo ls; then true; fi", "destructive_command"],
  ["(sudo ls)", "destructive_command"],
  ["bash build.sh; mkfs.ext4 disk.img", "destructive_command"],
  ["mount -t tmpfs none x", "destructive_command"],
  ["umount x", "destructive_command"],
  ["busybox rm -rf build", "destructive_command"],
  ["rm -rf build", "destructive_command"],
  ["rm -fr build", "destructive_command"],
  ["rm -r -f build", "destructive_command"],
  ["rm build -rf", "destructive_command"],
  ["rm --recursive --force build", "destructive_command"],
  ["rm -Rvf build", "destructive_command"],
  ["rm -rf -- -x", "destructive_command"],
  ["rm -- -rf", "runs"],
  ["rm -rf /", "filesystem_escape"],
  ["rm -rf /*", "filesystem_escape"],
  ["rm -rf /{etc,usr}", "filesystem_escape"],
  ["rm -rf ~root", "filesystem_escape"],
  ["rm -rf $X", "destructive_command"],
  ["xargs rm -rf < README.md", "destructive_command"],
  ["xargs -0 -I {} rm -rf {}", "destructive_command"],
  ["find . -name x -delete", "destructive_command"],
  ["find . -exec rm -rf {} +", "destructive_command"],
  ["chmod -R 777 .", "destructive_command"],
  ["chown -vR me src", "destructive_command"],
  ["git reset --hard", "destructive_command"],
  ["git -C pkg -c a.b=c reset --hard HEAD~1", "destructive_command"],
  ["git clean -fdx", "destructive_command"],
  ["git clean -d --force", "destructive_command"],
  ["git -c alias.x='!sudo ls' x", "destructive_command"],
  ["git -c alias.x='reset --hard' x", "destructive_command"],
  ["sh -c 'sudo ls'", "inline_script", "destructive_command"],
  ["sh -c 'sh -c \"sudo ls\"'", "inline_script", "destructive_command"],
  ["eval sudo ls", "inline_script", "destructive_command"],
  ["eval \"eval 'rm -rf x'\"", "inline_script", "destructive_command"],
  ["bash <<'EOF'\nsudo ls\nEOF", "inline_script", "destructive_command"],
  ["bash <<< 'sudo ls'", "inline_script", "destructive_command"],
  ["echo $(sudo ls)", "shell_expansion", "destructive_command"],
  ['echo "`sudo ls`"', "shell_expansion", "destructive_command"],
  ["cat <<EOF\n$(sudo ls)\nEOF", "shell_expansion", "destructive_command"],
  ["diff <(sudo ls) README.md", "shell_expansion", "destructive_command"],
  [`echo \${x:-$(sudo ls)}`, "shell_expansion", "destructive_command"],
]);

table("network", [
  ["curl https://example.com", "network", "runs"],
  ["c\\url https://example.com", "network", "runs"],
  ["wget -q https://example.com", "network", "runs"],
  ["nc example.com 80", "network", "runs"],
  ["ssh host true", "network", "runs"],
  ["scp a host:b", "network", "runs"],
  ["env curl example.com", "network", "runs"],
  ["timeout 5 curl example.com", "network", "runs"],
  ["git clone https://example.com/x.git", "network", "runs"],
  ["git clone git@example.com:x.git", "network", "runs"],
  ["pip install https://example.com/x.whl", "network", "runs"],
  ["node fetch.js https://example.com", "network", "runs"],
  ["echo x > /dev/tcp/example.com/80", "network", "runs"],
  ["exec 3<> /dev/udp/192.0.2.1/53", "network", "runs"],
  ["curl http://localhost:3000/health", "runs"],
  ["curl -sS -o out.json -X POST -d '{\"a\":1}' http://127.0.0.1:3000/x", "runs"],
  ["curl -fsS [::1]:3000", "runs"],
  ["node fetch.js http://localhost:3000/", "runs"],
  ["curl http://localhost:1@example.com/", "network", "runs"],
  ["curl http://example.com#@localhost/", "network", "runs"],
  ["curl http://{localhost,example.com}/", "network", "runs"],
  ["curl http://localhost http://example.com", "network", "runs"],
  ["curl -x http://example.com http://localhost", "network", "runs"],
  ["curl --resolve localhost:80:192.0.2.1 http://localhost", "network", "runs"],
  ["curl -K config http://localhost", "network", "runs"],
  ["curl $URL", "network", "runs"],
  ["curl", "network", "runs"],
]);

table("what cannot be read as shell is refused, since it may hold anything", [
  ["echo 'unclosed", "shell_expansion"],
  ["if true; then", "shell_expansion"],
  ["echo $(", "shell_expansion"],
  ["((", "shell_expansion"],
  ["sudo ls; echo 'unclosed", "shell_expansion"],
  [`${"(".repeat(5000)}sudo ls`, "shell_expansion"],
  [`${'"$('.repeat(20_000)}sudo ls`, "shell_expansion"],
  [`sh -c ${"$(".repeat(3000)}`, "shell_expansion"],
  ["sudo ls;".repeat(2000), "shell_expansion"],
  ["cat <<A;\n".repeat(3000), "shell_expansion"],
  [`${"env ".repeat(20_000)}sudo ls`, "shell_expansion"],
  [`${"eval ".repeat(100)}sudo ls`, "inline_script", "shell_expansion"],
]);

test("the network of the configuration lifts that refusal and no other", async () => {
  assert.is(await answer("curl https://example.com", { allowNetwork: true }), "runs");
  assert.is(await answer("curl $(id)", { allowNetwork: true }), "shell_expansion");
});

test("variables of the call: secrets and loader settings are refused by name or value", async () => {
  const refused: Record<string, string>[] = [
    { GITHUB_TOKEN: "x" },
    { my_Secret: "x" },
    { DB_PASSWORD: "x" },
    { OPENAI_API_KEY: "x" },
    { LD_PRELOAD: "./x.so" },
    { DYLD_LIBRARY_PATH: "." },
    { NODE_OPTIONS: "--require ./x.js" },
    { BASH_ENV: "x" },
    { PLAIN: "ghp_0123456789abcdefghij" },
    { PLAIN: "-----BEGIN RSA PRIVATE KEY-----" },
  ];
  for (const env of refused) {
    for (const mode of ["safe", "trusted"] as const) {
      assert.is(await answer("true", { env, mode }), "sensitive_env", JSON.stringify(env));
    }
    assert.is(await answer("true", { env, mode: "dangerous" }), "runs");
  }
  assert.is(await answer("true", { env: { NODE_ENV: "test", CI: "1", KEYBOARD: "de" } }), "runs");
  const [finding] = await policy.refusals("true", context({ env: { A: "1", LD_PRELOAD: "x", TOKEN: "y" } }));
  assert.equal(finding?.details.env_keys, ["LD_PRELOAD", "TOKEN"]);
});

test("text that the call feeds to an interpreter is an inline script", async () => {
  assert.is(await answer("bash", { stdin: true }), "inline_script");
  assert.is(await answer("python3 -", { stdin: true }), "inline_script");
  assert.is(await answer("bash", { stdin: false }), "runs");
  assert.is(await answer("node filter.js", { stdin: true }), "runs");
});

test("paths start where the command starts", async () => {
  assert.is(await answer("cat ../README.md", { cwd: "pkg" }), "runs");
  assert.is(await answer("cat ../../x", { cwd: "pkg" }), "filesystem_escape");
});

test("a path outside is named, and home counts only when the sandbox has one", async () => {
  const [finding] = await policy.refusals("cat README.md /etc/passwd", context());
  assert.is(finding?.details.path, "/etc/passwd");
  assert.match(finding?.message ?? "", "outside");
  assert.is(await answer("ls ~", { home: undefined }), "filesystem_escape");
});

test("everything refused is told at once, in the order in which it is named", async () => {
  const findings = await policy.refusals(
    "sudo sh -c 'curl https://example.com' $(id) /etc/passwd",
    context({ env: { TOKEN: "x" } }),
  );
  const order = [...new Set(findings.map(({ permission }) => permission))];
  assert.equal(order, ["filesystem_escape", "sensitive_env", "shell_expansion", "destructive_command"]);
  const nested = await policy.refusals("env sh -c 'curl https://example.com; rm -rf x'", context());
  assert.equal(
    nested.map(({ permission }) => permission),
    ["inline_script", "destructive_command", "network"],
  );
});

test("a command line longer than a shell takes is no question of permission", async () => {
  const long = `echo ${"x".repeat(131_072)}`;
  const fault = await policy.refusals(long, context()).catch((error: unknown) => error);
  assert.instance(fault, Fault);
  assert.is((fault as Fault).code, "INVALID_ARGUMENT");
});

test.run();
