#!/bin/sh
# Serves one folder under a public URL, in the foreground: writes a configuration of its own, runs ctmcpd with it, and
# prints the URL once a request has come through it.
set -eu
umask 077

usage() {
  cat <<'END'
usage: tunnel.sh [cloudflared|ngrok|devtunnel] [workspace]

Serves a folder (default: the current one) under a public URL until it is interrupted. Clients may read it only, unless
TOOL_PROFILE says full. cloudflared without SERVER_URL gives another URL at each start.

Variables, each with the prefix CODING_TOOLS_MCP_:
  SERVER_URL            the URL to keep, as https://mcp.example.com: an ngrok domain, or the name of a cloudflared tunnel
  TUNNEL_TOKEN_FILE     file with the ngrok authtoken or the cloudflared tunnel's token, for your eyes only;
                        NGROK_AUTHTOKEN and TUNNEL_TOKEN are taken too
  TUNNEL_ID             the dev tunnel to host; default: one is made, and kept
  TUNNEL_PROVIDER, WORKSPACE, PORT (8765), TOOL_PROFILE (read-only, full)
  AUTH_MODE             bearer (default) or oauth
  AUTH_TOKEN, OAUTH_PASSWORD
                        default: one is made and printed, once
  AUTO_INSTALL_TUNNEL   1: install the provider's program when it is missing: with Homebrew where that is, else from
                        TUNNEL_PROGRAM_URL if TUNNEL_PROGRAM_SHA256 is its checksum
  SERVER_BIN            coding-tools-mcp, with ctmcpd and ctmcpctl beside it
  ALLOWED_ORIGINS, ALLOW_NETWORK, DANGEROUSLY_SKIP_ALL_PERMISSIONS, ENABLE_VIEW_IMAGE, EXEC_ALLOW_ROOTS, OAUTH_MODE,
  OAUTH_TOKEN_TTL, PERMISSION_MODE, SANDBOX_MINIMUM, SHELL_ENV_SET
                        as in coding-tools-mcp --help; others of its variables are named and not taken

exit codes: 0 stopped, 1 failed, 2 unknown provider or value, else those of ctmcpd
END
}

# Unlike echo it leaves backslashes alone.
say() {
  printf '%s\n' "$1"
}

fail() { # text, hint, exit code
  say "error: $1" >&2
  [ -z "${2-}" ] || say "hint: $2" >&2
  exit "${3:-1}"
}

# A YAML string that reads back as the text.
quoted() {
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# The value of one of our variables, by its name without the prefix; empty when it is not set.
value_of() {
  printenv "CODING_TOOLS_MCP_$1" || :
}

word_of() {
  value_of "$1" | tr '[:upper:]' '[:lower:]'
}

is_on() {
  case $(word_of "$1") in 1 | true | yes | on) ;; *) return 1 ;; esac
}

# The parts of a variable's value as a YAML list, each as `edit` makes it.
list_of() { # name, separator, edit
  items=
  while read -r item; do
    [ -z "$item" ] || items="$items${items:+, }$(quoted "$("$3" "$item")")"
  done <<END
$(value_of "$1" | tr "$2" '\n')
END
  say "[$items]"
}

# Our programs: beside SERVER_BIN, on PATH, or in the checkout this script is part of.
program_of_ours() {
  server=${CODING_TOOLS_MCP_SERVER_BIN-}
  case $server in */*) beside=$(dirname "$server")/$1 ;; *) beside= ;; esac
  for path in "$beside" "$(command -v "$1" || :)" "$(dirname "$0")/../dist/bin/$1.cjs"; do
    [ -n "$path" ] && [ -x "$path" ] && say "$path" && return
  done
  fail "$1 is not installed" "run: make build"
}

how_to_install() {
  case $1-$(uname -s) in
    devtunnel-Darwin) say "brew install --cask devtunnel" ;;
    *-Darwin) say "brew install $1" ;;
    devtunnel-*) say "curl -sL https://aka.ms/DevTunnelCliInstall | bash" ;;
    ngrok-*) say "see https://ngrok.com/download" ;;
    cloudflared-*) say "see https://pkg.cloudflare.com" ;;
  esac
}

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# The vendors publish no checksums that we could ship: what is downloaded is what the user vouches for, or nothing is.
download_program() {
  url=$CODING_TOOLS_MCP_TUNNEL_PROGRAM_URL
  wanted=${CODING_TOOLS_MCP_TUNNEL_PROGRAM_SHA256-}
  [ -n "$wanted" ] || fail "CODING_TOOLS_MCP_TUNNEL_PROGRAM_SHA256 is not set" "without it nothing is downloaded"
  mkdir -p "$HOME/.local/bin"
  draft=$(mktemp "$HOME/.local/bin/.$1.XXXXXX")
  trap 'rm -f "$draft" "$draft.out"' EXIT
  trap 'exit 1' HUP INT TERM
  curl -fsSL --proto =https -o "$draft" "$url" || fail "cannot download $url"
  [ "$(sha256_of "$draft")" = "$wanted" ] || fail "$url is not what its checksum says" "do not use it"
  case $url in
    *.tgz | *.tar.gz)
      tar -xzOf "$draft" "$1" >"$draft.out" || fail "$url holds no file of the name $1" "take another archive"
      mv "$draft.out" "$draft"
      ;;
  esac
  chmod 755 "$draft"
  mv "$draft" "$HOME/.local/bin/$1"
  trap - EXIT HUP INT TERM
}

require_program() {
  PATH=$PATH:$HOME/.local/bin
  command -v "$1" >/dev/null && return
  if ! is_on AUTO_INSTALL_TUNNEL; then
    [ -t 0 ] || fail "$1 is not installed" "$(how_to_install "$1")"
    printf '%s is not installed. Install it? [y/N] ' "$1" >&2
    read -r answer
    case $answer in y | Y | yes) ;; *) fail "$1 is not installed" "$(how_to_install "$1")" ;; esac
  fi
  if [ -n "${CODING_TOOLS_MCP_TUNNEL_PROGRAM_URL-}" ]; then
    download_program "$1"
  elif command -v brew >/dev/null; then
    # Homebrew checks what it downloads.
    brew install "$1"
  else
    fail "$1 is not installed, and nothing is downloaded without a checksum" "$(how_to_install "$1")"
  fi
}

token_lines() { # the vendor's own variable
  if [ -n "${CODING_TOOLS_MCP_TUNNEL_TOKEN_FILE-}" ]; then
    say "  token_file: $(quoted "$(absolute "$CODING_TOOLS_MCP_TUNNEL_TOKEN_FILE")")"
  elif [ -n "$(printenv "$1")" ]; then
    say "  token: \"\${env:$1}\""
  else
    fail "nothing says who you are at the provider" "write the token to a file with mode 0600, and name it in CODING_TOOLS_MCP_TUNNEL_TOKEN_FILE"
  fi
}

absolute() {
  case $1 in /* | '~'*) say "$1" ;; *) say "$PWD/$1" ;; esac
}

without_slash() {
  say "${1%/}"
}

tunnel_section() {
  say "tunnel:"
  say "  provider: $provider"
  # As it is found here: the daemon looks in the PATH of a login shell.
  say "  program: $(quoted "$(command -v "$provider")")"
  case $provider in
    cloudflared) if [ -n "$hostname" ]; then token_lines TUNNEL_TOKEN; else say "  ephemeral: true"; fi ;;
    ngrok)
      [ -n "$hostname" ] || fail "ngrok needs the domain it is to serve" \
        "every account has one, see https://dashboard.ngrok.com/domains: CODING_TOOLS_MCP_SERVER_URL=https://NAME.ngrok-free.app"
      token_lines NGROK_AUTHTOKEN
      ;;
    devtunnel) say "  id: $(quoted "$tunnel_id")" ;;
  esac
}

auth_section() {
  say "auth:"
  say "  mode: $auth_mode"
  case $auth_mode in
    *bearer) [ -z "${CODING_TOOLS_MCP_AUTH_TOKEN-}" ] || say "  token: \"\${env:CODING_TOOLS_MCP_AUTH_TOKEN}\"" ;;
  esac
  case $auth_mode in
    oauth*)
      [ -z "${CODING_TOOLS_MCP_OAUTH_PASSWORD-}" ] || say "  password: \"\${env:CODING_TOOLS_MCP_OAUTH_PASSWORD}\""
      ttl=$(value_of OAUTH_TOKEN_TTL)
      [ -z "$ttl" ] || say "  access_token_ttl: $(quoted "${ttl}s")"
      ;;
  esac
}

# The variables for commands as JSON, which is YAML too; numbers and truth values become text.
shell_variables() {
  [ -n "$(value_of SHELL_ENV_SET)" ] || return 0
  node -e '
    const given = JSON.parse(process.env.CODING_TOOLS_MCP_SHELL_ENV_SET);
    const all = Object.entries(given);
    const isObject = typeof given === "object" && !Array.isArray(given);
    if (!isObject || all.some(([, value]) => typeof value === "object")) process.exit(1);
    console.log(JSON.stringify(Object.fromEntries(all.map(([name, value]) => [name, String(value)]))));
  ' 2>/dev/null || fail "CODING_TOOLS_MCP_SHELL_ENV_SET is no JSON object with texts in it" "" 2
}

exec_section() {
  mode=$(value_of PERMISSION_MODE)
  if is_on DANGEROUSLY_SKIP_ALL_PERMISSIONS; then mode=dangerous; fi
  if is_on ALLOW_NETWORK; then network=host; else network=none; fi
  minimum=$(value_of SANDBOX_MINIMUM)
  say "exec:"
  say "  permission_mode: $(quoted "${mode:-safe}")"
  say "  sandbox:"
  say "    minimum: $(quoted "${minimum:-strong}")"
  say "    network: $network"
  say "    read: $(list_of EXEC_ALLOW_ROOTS : absolute)"
}

write_config() {
  {
    say "# Written by tunnel.sh at each start. One of your own: ctmcpctl init"
    say "version: 1"
    say "listen: $(quoted "127.0.0.1:$port")"
    [ -z "$hostname" ] || say "hostname: $(quoted "$hostname")"
    say "workspaces:"
    say "  - id: workspace"
    say "    path: $(quoted "$workspace")"
    say "    profile: $(quoted "$profile")"
    [ -z "$variables" ] || say "    exec: { env: $variables }"
    auth_section
    tunnel_section
    exec_section
    say "allowed_origins: $(list_of ALLOWED_ORIGINS , without_slash)"
    case $(word_of ENABLE_VIEW_IMAGE) in 0 | false | no | off) say "view_image: false" ;; esac
    say "state_dir: state"
    say "runtime_dir: run"
    say "log: { level: notice }"
  } >"$config.new"
  mv "$config.new" "$config"
}

ctl() {
  "$ctmcpctl" --config "$config" "$@"
}

# The secret that clients need: shown by the run that made it and by no other.
show_secret() {
  case $auth_mode in
    *bearer)
      if [ -n "${CODING_TOOLS_MCP_AUTH_TOKEN-}" ]; then
        say "clients send   Authorization: Bearer, and the token in CODING_TOOLS_MCP_AUTH_TOKEN"
      elif $had_token; then
        say "clients send   Authorization: Bearer, and the token in $dir/state/bearer-token"
      else
        say "clients send   Authorization: Bearer $(cat "$dir/state/bearer-token")"
      fi
      ;;
  esac
  case $auth_mode in
    oauth*)
      if [ -n "${CODING_TOOLS_MCP_OAUTH_PASSWORD-}" ]; then
        say "sign in with   the password in CODING_TOOLS_MCP_OAUTH_PASSWORD"
      elif $had_password; then
        say "sign in with   the password shown before; another one: $ctmcpctl --config $config rotate-secret password"
      else
        say "sign in with   $(ctl rotate-secret password 2>/dev/null)"
      fi
      ;;
  esac
}

# The earlier script passed every variable on to the server. What has no place in a configuration is not lost in silence.
name_the_rest() {
  while read -r name why; do
    case $name=$(value_of "$name") in
      *= | *=0 | SHELL_ENV_INHERIT=core) ;;
      *) say "warning: CODING_TOOLS_MCP_$name is not taken: $why" >&2 ;;
    esac
  done <<END
SHELL_ENV_INHERIT commands get the variables of core, and those in SHELL_ENV_SET
SHELL_ENV_INCLUDE_ONLY commands get the variables of core, and those in SHELL_ENV_SET
SHELL_ENV_EXCLUDE commands get the variables of core, and those in SHELL_ENV_SET
OAUTH_TOKEN_SECRET a key is made, and kept in $dir/state
OAUTH_CLIENT_ID clients register by themselves
OAUTH_CLIENT_SECRET clients register by themselves
OAUTH_REDIRECT_URIS clients register by themselves
RUNTIME_ROOT all is kept in $dir
TRUST_PROXY_HEADERS no header says who a client is, forwarded or not
TRACE see ctmcpctl --config $config audit
END
}

# Ends the daemon if the URL does not come up, so that nobody waits for it.
announce() { # the daemon's process id
  trap 'kill "$waiter" 2>/dev/null; exit 0' TERM
  # Not by way of ctl: it is the program that has to be ended, not a shell around it.
  "$ctmcpctl" --config "$config" wait --for tunnel --timeout 120s >"$dir/url" &
  waiter=$!
  if wait "$waiter"; then
    say ""
    say "MCP endpoint   $(sed 's/^verified: //' "$dir/url")"
    show_secret
    say "see also       $ctmcpctl --config $config status"
  else
    # A daemon that is ending by itself tells why with an exit code of its own.
    sleep 1
    kill "$1" 2>/dev/null || :
    exit 1
  fi
}

case ${1-} in
  -h | --help) usage && exit ;;
  -*) fail "unknown option $1" "see tunnel.sh --help" ;;
esac
[ $# -le 2 ] || fail "too many words" "see tunnel.sh --help"

case ${1:-${CODING_TOOLS_MCP_TUNNEL_PROVIDER:-cloudflared}} in
  cloudflared | cf) provider=cloudflared ;;
  ngrok) provider=ngrok ;;
  devtunnel | dev-tunnel | ms-devtunnel) provider=devtunnel ;;
  *) fail "unknown provider ${1:-$CODING_TOOLS_MCP_TUNNEL_PROVIDER}" "one of cloudflared, ngrok, devtunnel" 2 ;;
esac
folder=${2:-${CODING_TOOLS_MCP_WORKSPACE:-.}}
workspace=$(CDPATH='' cd -- "$folder" 2>/dev/null && pwd -P) || fail "there is no folder $folder"
newline='
'
case $workspace in *"$newline"*) fail "the folder's name holds a line break" ;; esac
port=${CODING_TOOLS_MCP_PORT:-8765}
profile=${CODING_TOOLS_MCP_TOOL_PROFILE:-read-only}
if is_on OAUTH_MODE; then auth_mode=oauth; else auth_mode=bearer; fi
auth_mode=${CODING_TOOLS_MCP_AUTH_MODE:-$auth_mode}
case $auth_mode in
  bearer) if is_on OAUTH_MODE; then auth_mode=oauth+bearer; fi ;;
  oauth) [ -z "${CODING_TOOLS_MCP_AUTH_TOKEN-}" ] || auth_mode=oauth+bearer ;;
  noauth) fail "a public URL needs a credential" "set CODING_TOOLS_MCP_AUTH_MODE to bearer or oauth" 2 ;;
  *) fail "CODING_TOOLS_MCP_AUTH_MODE is $auth_mode" "one of bearer, oauth" 2 ;;
esac
server_url=${CODING_TOOLS_MCP_SERVER_URL-}
case $server_url in
  '' | https://*) ;;
  *) fail "CODING_TOOLS_MCP_SERVER_URL is $server_url" "write https://mcp.example.com" 2 ;;
esac
hostname=${server_url#https://}
hostname=${hostname%/}
variables=$(shell_variables)
if is_on DANGEROUSLY_FAKE_READONLY_ANNOTATIONS; then
  fail "annotations are never falsified: clients rely on them to ask before a change" \
    "unset CODING_TOOLS_MCP_DANGEROUSLY_FAKE_READONLY_ANNOTATIONS" 2
fi

ctmcpd=$(program_of_ours ctmcpd)
ctmcpctl=$(program_of_ours ctmcpctl)
require_program "$provider"

dir=${XDG_STATE_HOME:-$HOME/.local/state}/coding-tools-mcp/tunnel-script
config=$dir/config.yaml
mkdir -p "$dir"
tunnel_id=${CODING_TOOLS_MCP_TUNNEL_ID-}
if [ "$provider" = devtunnel ] && [ -z "$tunnel_id" ]; then
  # Its name is in the URL, so it has to stay the same.
  [ -s "$dir/devtunnel-id" ] || say "coding-tools-mcp-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')" >"$dir/devtunnel-id"
  tunnel_id=$(cat "$dir/devtunnel-id")
fi
name_the_rest
write_config
ctl config check >/dev/null
if [ "$provider" = devtunnel ] && [ -z "${CODING_TOOLS_MCP_TUNNEL_ID-}" ]; then
  # Makes what is not there yet: the tunnel, its port, access.
  ctl tunnel setup devtunnel --name "$tunnel_id" --yes >&2
  write_config
fi

if [ -e "$dir/state/bearer-token" ]; then had_token=true; else had_token=false; fi
if [ -e "$dir/state/owner-password.json" ]; then had_password=true; else had_password=false; fi

"$ctmcpd" --config "$config" --quiet </dev/null &
daemon=$!
announce "$daemon" &
announcer=$!
# An interrupt from the terminal reaches the daemon by itself, and a second one would end it at once.
trap : INT
trap 'kill "$daemon" 2>/dev/null || :' TERM HUP
while :; do
  if wait "$daemon"; then code=0; else code=$?; fi
  kill -0 "$daemon" 2>/dev/null || break
done
kill "$announcer" 2>/dev/null || :
if wait "$announcer"; then :; elif [ "$code" = 0 ]; then code=1; fi
exit "$code"
