#!/bin/sh
# Builds this checkout, installs its three programs for the user, and starts what is asked for.
set -eu

usage() {
  cat <<'END'
usage: install.sh [options] [workspace]

  --install-only            only install (default)
  --service                 then make a config if there is none, keep the daemon running, and after the first time wait for
                            a client: what make install does
  --uninstall               take it all away again but the config and what was kept; with --purge that, too
  --start                   then serve the workspace to this machine, without asking anybody for a credential
  --tunnel [PROVIDER]       then serve it under a public URL, see tunnel.sh --help
  --provider PROVIDER       cloudflared (default), ngrok or devtunnel
  --auto-install-tunnel     install the provider's program when it is missing
  --workspace PATH          default: the current directory
  --port N                  default: 8765
  --auth-mode MODE          noauth (default of --start without token), bearer (default of --tunnel) or oauth
  --auth-token TOKEN        better in CODING_TOOLS_MCP_AUTH_TOKEN, where other users cannot read it
  --profile PROFILE         full (default of --start) or read-only (default of --tunnel)
  --server-bin PATH         serve with this coding-tools-mcp instead of installing one
  --version VERSION         refuse to install another one than this
  --no-verify               do not try what was installed
  --with-image, --method M  of the earlier program: images are always there, and npm is the one method

Variables with the prefix CODING_TOOLS_MCP_ have the names of the options: WORKSPACE, PORT, AUTH_MODE, AUTH_TOKEN,
TOOL_PROFILE, SERVER_BIN, VERSION, INSTALL_METHOD, TUNNEL_PROVIDER, AUTO_INSTALL_TUNNEL. PREFIX: where to install, default ~/.local.

exit codes: 0 done, 1 failed or unknown option, 2 unknown provider or value
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

lower() {
  say "$1" | tr '[:upper:]' '[:lower:]'
}

check_method() { # --method or its variable
  case $(lower "$1") in
    auto | npm) ;;
    uv | pip) say "warning: this is no Python package any more: it is installed by npm, not by $1" >&2 ;;
    *) fail "the method is $1" "leave it out: npm is the one method" ;;
  esac
}

# A package of this checkout, not a link to it: what runs must not change with the next git pull.
install_programs() {
  command -v npm >/dev/null || fail "npm is not installed" "install Node 20.19 or later, from https://nodejs.org"
  own=$(node -p 'require(process.argv[1]).version' "$root/package.json")
  wanted=${CODING_TOOLS_MCP_VERSION:-$own}
  [ "$wanted" = "$own" ] || fail "this checkout is version $own, not $wanted" "git checkout v$wanted"
  make -C "$root" build
  package=$(mktemp -d)
  trap 'rm -rf "$package"' EXIT
  npm pack "$root" --pack-destination "$package" --loglevel=error >/dev/null
  # npm 12 runs no install script that is not named.
  npm install --global --prefix "$prefix" --allow-scripts=node-pty --no-audit --no-fund --loglevel=error "$package"/*.tgz
  rm -rf "$package"
  trap - EXIT
  completions
  if $verify; then
    for name in ctmcpd ctmcpctl coding-tools-mcp; do
      "$prefix/bin/$name" --help >/dev/null || fail "$prefix/bin/$name does not run"
    done
  fi
  say "installed coding-tools-mcp $own in $prefix/bin"
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) say "hint: put it on your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
  esac
  hint_zsh
}

# The programs themselves write them: npm has no place for them.
completions() {
  for shell in bash zsh fish; do
    file=$(completion_file $shell)
    mkdir -p "$(dirname "$file")"
    "$prefix/bin/ctmcpctl" completion $shell >"$file"
  done
}

# bash and fish look into ~/.local/share by themselves, zsh does not.
hint_zsh() {
  case ${SHELL-} in */zsh) ;; *) return 0 ;; esac
  folder=$(dirname "$(completion_file zsh)")
  # shellcheck disable=SC2016 # of zsh
  if zsh -c 'print -rl -- $fpath' 2>/dev/null | grep -qxF "$folder"; then return 0; fi
  if grep -qs 'share/zsh/site-functions' "${ZDOTDIR:-$HOME}/.zshrc"; then return 0; fi
  say "hint: for completions, before compinit in your .zshrc: fpath=($folder \$fpath)"
}

completion_file() { # shell
  case $1 in
    bash) say "$prefix/share/bash-completion/completions/ctmcpctl" ;;
    zsh) say "$prefix/share/zsh/site-functions/_ctmcpctl" ;;
    fish) say "$prefix/share/fish/vendor_completions.d/ctmcpctl.fish" ;;
  esac
}

start_service() {
  config=$("$prefix/bin/ctmcpctl" config path)
  first=false
  if [ ! -e "$config" ]; then
    if [ ! -t 0 ] || [ ! -t 1 ]; then
      say "next: ctmcpctl init --workspace PATH; then: ctmcpctl install"
      return
    fi
    # Not from the checkout, which would be offered as the folder to serve.
    (cd "$HOME" && "$prefix/bin/ctmcpctl" init)
    say ""
    say "now: ctmcpctl install"
    first=true
  fi
  "$prefix/bin/ctmcpctl" install
  # After an upgrade clients are connected already.
  if $first; then
    say ""
    say "now: ctmcpctl connect"
    "$prefix/bin/ctmcpctl" connect || say "once more, at any time: ctmcpctl connect"
  fi
}

remove_programs() {
  if [ -x "$prefix/bin/ctmcpctl" ]; then
    # shellcheck disable=SC2086 # one flag or none
    "$prefix/bin/ctmcpctl" uninstall $purge
  fi
  npm uninstall --global --prefix "$prefix" --loglevel=error coding-tools-mcp
  for shell in bash zsh fish; do rm -f "$(completion_file $shell)"; done
  # The folders that were made for it, where nothing else lies in them.
  for folder in share/bash-completion/completions share/bash-completion share/zsh/site-functions share/zsh \
    share/fish/vendor_completions.d share/fish share/man/man1 share/man/man5 share/man share lib/node_modules lib bin ""; do
    rmdir "$prefix/$folder" 2>/dev/null || :
  done
}

# Secrets travel in the environment, where other users cannot read them.
start_server() {
  mode=${CODING_TOOLS_MCP_AUTH_MODE:-${CODING_TOOLS_MCP_AUTH_TOKEN:+bearer}}
  case $(lower "${CODING_TOOLS_MCP_OAUTH_MODE-}") in 1 | true | yes | on) mode=${mode:-oauth} ;; esac
  case ${mode:=noauth} in
    noauth | oauth) ;;
    bearer)
      if [ -z "${CODING_TOOLS_MCP_AUTH_TOKEN-}" ]; then
        CODING_TOOLS_MCP_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
        export CODING_TOOLS_MCP_AUTH_TOKEN
        say "clients send   Authorization: Bearer $CODING_TOOLS_MCP_AUTH_TOKEN"
      fi
      ;;
    *) fail "the auth mode is $mode" "one of noauth, bearer, oauth" 2 ;;
  esac
  export CODING_TOOLS_MCP_AUTH_MODE="$mode" CODING_TOOLS_MCP_PORT="${CODING_TOOLS_MCP_PORT:-8765}"
  exec "$server"
}

set_variable() { # name, value
  export "CODING_TOOLS_MCP_$1=$2"
}

root=$(cd -- "$(dirname "$0")/.." && pwd -P)
prefix=${PREFIX:-$HOME/.local}
action=install
verify=true
purge=
while [ $# -gt 0 ]; do
  case $1 in
    --version | --workspace | --port | --auth-mode | --auth-token | --server-bin | --profile | --provider | --method)
      [ $# -ge 2 ] || fail "$1 needs a value" "see install.sh --help"
      ;;
  esac
  case $1 in
    -h | --help) usage && exit ;;
    --install-only | --service | --uninstall) action=${1#--} ;;
    --purge) purge=--purge ;;
    --start) action=start ;;
    --tunnel)
      action=tunnel
      case ${2-} in
        cloudflared | cf | ngrok | devtunnel | dev-tunnel | ms-devtunnel) set_variable TUNNEL_PROVIDER "$2" && shift ;;
      esac
      ;;
    --provider) set_variable TUNNEL_PROVIDER "$2" && shift ;;
    --auto-install-tunnel) set_variable AUTO_INSTALL_TUNNEL 1 ;;
    --workspace) set_variable WORKSPACE "$2" && shift ;;
    --port) set_variable PORT "$2" && shift ;;
    --auth-mode) set_variable AUTH_MODE "$2" && shift ;;
    --auth-token)
      say "warning: other users of this machine can read --auth-token: set CODING_TOOLS_MCP_AUTH_TOKEN instead" >&2
      set_variable AUTH_TOKEN "$2" && shift
      ;;
    --profile) set_variable TOOL_PROFILE "$2" && shift ;;
    --server-bin) set_variable SERVER_BIN "$2" && shift ;;
    --version) set_variable VERSION "$2" && shift ;;
    --no-verify) verify=false ;;
    --with-image) ;;
    --method) set_variable INSTALL_METHOD "$2" && shift ;;
    -*) fail "unknown option $1" "see install.sh --help" ;;
    *) set_variable WORKSPACE "$1" ;;
  esac
  shift
done

check_method "${CODING_TOOLS_MCP_INSTALL_METHOD:-auto}"
case ${CODING_TOOLS_MCP_TUNNEL_PROVIDER-} in
  '' | cloudflared | cf | ngrok | devtunnel | dev-tunnel | ms-devtunnel) ;;
  *) fail "unknown provider $CODING_TOOLS_MCP_TUNNEL_PROVIDER" "one of cloudflared, ngrok, devtunnel" 2 ;;
esac
if [ "$action" = uninstall ]; then
  remove_programs
  exit
fi
server=${CODING_TOOLS_MCP_SERVER_BIN-}
if [ -z "$server" ]; then
  install_programs
  server=$prefix/bin/coding-tools-mcp
fi
case $action in
  install | install-only) say "next: ctmcpctl init" ;;
  service) start_service ;;
  start) start_server ;;
  tunnel) CODING_TOOLS_MCP_SERVER_BIN=$server exec sh "$root/scripts/tunnel.sh" ;;
esac
