const express = require('express');
const session = require('express-session');
const cookies = require('cookie-session');
const cors = require('cors');
const https = require('https');

const app = express(); // fault: express-headers express-powered-by
const pattern = /['"]/g;
app.use(cors()); // fault: express-cors-any
app.use(session({
  secret: 'invented', // fault: express-session-secret
  cookie: {
    secure: false, // fault: express-session-secure
    httpOnly: false, // fault: express-session-httponly
  },
}));
app.use(cookies({
  keys: [process.env.KEY, 'invented'], // fault: express-session-secret
}));
const agent = new https.Agent({
  rejectUnauthorized: false, // fault: node-tls-unverified
});
