/** Bundle the editor as a page of its own: `lib/documents/app.js` and its styles, beside the lab extension. */
import { rspack } from '@rspack/core';
import { fileURLToPath } from 'node:url';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const isDevelopment = process.argv.includes('--development');

const compiler = rspack({
  mode: isDevelopment ? 'development' : 'production',
  devtool: isDevelopment ? 'source-map' : false,
  entry: { page: here('lib/documents/app.js') },
  output: {
    path: here('../builder_jupyter/labextension/page'),
    filename: '[name].js',
    cssFilename: '[name].css',
    clean: true
  },
  module: {
    rules: [
      { test: /\.css$/, type: 'css/auto' },
      { test: /\.js$/, type: 'javascript/auto' } // the package says commonjs, which JupyterLab's own build passes over
    ]
  },
  performance: { hints: false }
});

compiler.run((error, stats) => {
  if (error || stats.hasErrors()) {
    console.error(error ?? stats.toString({ all: false, errors: true }));
    process.exitCode = 1;
  }
  compiler.close(() => undefined);
});
