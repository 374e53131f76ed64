import express from 'express';
import helmet from 'helmet';
import session from 'express-session';
import cookies from 'cookie-session';
import cors from 'cors';
import https from 'node:https';

const app = express();
app.disable('x-powered-by');
app.use(helmet());
app.use(cors({ origin: ['https://shop.example'] }));
app.use(session({
  secret: process.env.SESSION_SECRET,
  cookie: { secure: true, note: `a ${'b'} c` },
}));
app.use(cookies({ keys: [process.env.KEY], secure: true }));
const agent = new https.Agent({ rejectUnauthorized: true });
