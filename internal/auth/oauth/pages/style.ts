/** The style of every page: system fonts, one column from 320 px up, light or dark as the device is. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f3f4f6; --card: #fff; --text: #1b1f24; --soft: #55606b; --line: #8a94a0; --faint: #d9dde2;
  --accent: #0b5cad; --on-accent: #fff; --alert: #a3161b; --alert-ground: #fdecec; --note-ground: #eef4fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1e2226; --text: #eceff2; --soft: #a9b3bd; --line: #7c8792; --faint: #3a4149;
    --accent: #7db8f5; --on-accent: #0c1a28; --alert: #ffb3b0; --alert-ground: #3b1c1d; --note-ground: #1b2a3a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
main {
  max-width: 32rem; margin: 0 auto; padding: 1.25rem; background: var(--card);
  border: 1px solid var(--faint); border-radius: 12px;
}
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25; }
p, ul { margin: .75rem 0; }
ul { padding-left: 1.25rem; }
dl { margin: 0; }
dl > div { padding: .5rem 0; border-top: 1px solid var(--faint); }
dt, .soft { color: var(--soft); font-size: .875rem; }
dd { margin: 0; }
code { font: .875rem/1.5 ui-monospace, monospace; padding: .125rem .25rem; background: var(--note-ground); border-radius: 4px; }
.place { display: block; font-size: 1.25rem; font-weight: 700; line-height: 1.3; }
.tag {
  display: inline-block; padding: 0 .5rem; border: 1px solid var(--line); border-radius: 99px;
  color: var(--soft); font-size: .8125rem; white-space: nowrap;
}
.note, .alert { padding: .75rem; border-radius: 8px; background: var(--note-ground); }
.alert { background: var(--alert-ground); color: var(--alert); font-weight: 600; }
fieldset { margin: 1.25rem 0; padding: 0; border: 0; }
legend, .field { display: block; padding: 0; font-weight: 600; }
.choice { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem; padding: .375rem 0; }
.choice + .choice { border-top: 1px solid var(--faint); }
.choice input { flex: none; width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--accent); }
.choice .soft { display: block; }
fieldset:has([name="later"]:checked) .choice:has([name="workspace"]) { color: var(--soft); }
fieldset:has([name="later"]:checked) [name="workspace"] { opacity: .5; }
input[type="password"] {
  width: 100%; min-height: 2.75rem; margin: .375rem 0; padding: .5rem .75rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--line); border-radius: 8px;
}
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0 .5rem; }
button, .button {
  flex: 1 1 8rem; min-height: 2.75rem; padding: .5rem 1rem; font: inherit; font-weight: 600; text-align: center;
  text-decoration: none; cursor: pointer; color: var(--text); background: transparent;
  border: 1px solid var(--line); border-radius: 8px;
}
.main { color: var(--on-accent); background: var(--accent); border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;
