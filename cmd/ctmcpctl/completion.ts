import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";

/**
 * Each script only asks ctmcpctl itself what may come next, so it never falls behind the commands and flags of the
 * installed version.
 */
const scripts: Readonly<Record<string, string>> = {
  bash: `# Load it: source <(ctmcpctl completion bash)
# Keep it: ctmcpctl completion bash > ~/.local/share/bash-completion/completions/ctmcpctl
_ctmcpctl() {
  mapfile -t COMPREPLY < <(ctmcpctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ctmcpctl ctmcpctl`,
  zsh: `#compdef ctmcpctl
# Load it: source <(ctmcpctl completion zsh)
# Keep it: ctmcpctl completion zsh > a directory of your $fpath, in a file named _ctmcpctl
_ctmcpctl() {
  local -a found
  found=("\${(@f)$(ctmcpctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = "_ctmcpctl" ]; then _ctmcpctl "$@"; else compdef _ctmcpctl ctmcpctl; fi`,
  fish: `# Load it: ctmcpctl completion fish | source
# Keep it: ctmcpctl completion fish > ~/.config/fish/completions/ctmcpctl.fish
function __ctmcpctl_candidates
  set -l words (commandline -opc) (commandline -ct)
  set -l found (ctmcpctl __complete $words[2..-1] 2>/dev/null)
  if test -n "$found"
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c ctmcpctl -f -a "(__ctmcpctl_candidates)"`,
};

/** Prints the completion script of one shell. */
export function run({ args: [shell = ""], print }: Context): number {
  const script = scripts[shell];
  if (script === undefined) throw new Fault("USAGE", `no completion for ${shell}`);
  print(script);
  return 0;
}
