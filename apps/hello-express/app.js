'use strict';
const express = require('express');

const application = JSON.parse(process.env.VCAP_APPLICATION || '{}');
const app = express();

app.get('/crash', () => process.exit(1));
app.get('/', (request, response) => response.json({
  app: application.name, index: application.instance_index, instance: application.instance_id,
  runtime: `Node.js ${process.versions.node}, Express`, pid: process.pid,
}));
app.listen(process.env.PORT || 3000, () => console.log('listening'));
