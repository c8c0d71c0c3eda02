// npm run build: the addon and dist/.
'use strict';
const { ensurePackages, ensureAddon, ensureTypeScript } = require('./setup.cjs');

ensurePackages();
ensureAddon();
ensureTypeScript();
