// Bundles GraphiQL and main.jsx into dist/playground.js.gz and dist/playground.css.gz:
//
//     npm ci && npm run build
//
// The server embeds both files and index.html, so that the playground works with no internet
// access. They are committed because `cargo build` must need neither Node nor a package registry.
// After a change to a source or a version here: `npm run lock` (versions only), build, commit dist/.
// `npm run check` tells whether dist/ is what the sources build; it compares what the files
// hold, not the compressed bytes, which may differ between releases of zlib.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, 'dist');

// GraphiQL previews whatever in an answer looks like the address of an image. In an audit log
// that would tell a stranger's server which record is being read.
const noImagePreview = `
  export const ImagePreview = Object.assign(() => null, { shouldRender: () => false });
`;

let patched = 0;
const withoutNetwork = {
  name: 'without-network',
  setup(build) {
    build.onLoad({ filter: /[\\/]components[\\/]image-preview\.js$/ }, () => {
      patched += 1;
      return { contents: noImagePreview };
    });
    // The fonts are four fifths of the style sheet; main.css names the system's instead.
    build.onLoad({ filter: /[\\/]graphiql[\\/]dist[\\/]style\.css$/ }, ({ path }) => {
      patched += 1;
      const css = readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, '');
      return { contents: css, loader: 'css' };
    });
  },
};

const { outputFiles, metafile } = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { playground: 'main.jsx' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'eof',
  plugins: [withoutNetwork],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const text = (name) => outputFiles.find(({ path }) => path.endsWith(name)).text;
const js = text('playground.js');
const css = text('playground.css');

// A new version of a package must not bring back what was taken out above.
const must = (condition, message) => {
  if (!condition) throw new Error(message);
};
must(patched === 2, 'a file that is replaced above has moved');
must(js.match(/(?<![\w.$])fetch\(/g)?.length === 2, 'only main.jsx may call fetch, twice');
must(
  !/XMLHttpRequest|new WebSocket|new EventSource|sendBeacon|importScripts/.test(js),
  'the script has another way to the network',
);
must(!/@font-face|@import|url\(["']?(?!data:)/.test(css), 'the style sheet loads something');

const files = {
  'playground.js': `${js}/*\n${notices().replaceAll('*/', '*\\/')}*/\n`,
  'playground.css': `/* Contains parts of GraphiQL and CodeMirror (MIT): see the end of playground.js. */\n${css}`,
};

const checking = process.argv.includes('--check');
mkdirSync(dist, { recursive: true });
for (const [name, content] of Object.entries(files)) {
  const path = join(dist, `${name}.gz`);
  if (checking) {
    must(gunzipSync(readFileSync(path)).toString() === content, `dist/${name}.gz is out of date`);
    continue;
  }
  const packed = gzipSync(content, { level: 9 });
  packed[9] = 255; // "unknown" system: Node writes the one it runs on. It writes no time.
  writeFileSync(path, packed);
  console.log(`dist/${name}.gz  ${content.length} -> ${packed.length} bytes`);
}

// The licence of every package of which some code is in the bundle, each text once.
function notices() {
  // Packages without a licence text, each with one of the same authors that has it.
  const sameAuthor = {
    '@graphiql/plugin-doc-explorer': 'graphiql',
    '@graphiql/plugin-history': 'graphiql',
    'react-compiler-runtime': 'react',
    'react-remove-scroll-bar': 'react-remove-scroll',
    'toggle-selection': 'copy-to-clipboard',
  };
  const manifest = (folder) => JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'));
  const texts = (folder) =>
    readdirSync(join(here, folder))
      .filter((file) => /^(licen[cs]e|copying|notice|copyrightnotice|thirdpartynotices)/i.test(file))
      .sort()
      .map((file) => readFileSync(join(here, folder, file), 'utf8').replaceAll('\r\n', '\n').trim())
      .join('\n\n');
  const permissive = new Set(['MIT', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'Apache-2.0', '0BSD']);
  const folders = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input);
      if (folder && bytesInOutput > 0) folders.add(folder[0]);
    }
  }
  const byText = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = manifest(folder);
    must(permissive.has(license), `${name} has the licence ${license}`);
    const notice = texts(folder) || texts(join('node_modules', sameAuthor[name] ?? name));
    must(notice, `${name} comes without the text of its licence`);
    byText.set(notice, [...(byText.get(notice) ?? []), `${name} ${version}`]);
  }
  let all = 'This file contains the following packages.\n\n';
  for (const [notice, packages] of byText) {
    all += `${packages.join(', ')}:\n\n${notice}\n\n----\n\n`;
  }
  return all;
}
