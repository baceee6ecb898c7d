/** Signals of where: network, country, travel, lists. */
import { evidence, many, unknown } from './evidence.ts';
import { latest } from './latest.ts';
import type { Evidence, Place, RiskInput, Visit } from './risk.ts';

type Where = Pick<Visit, 'network' | 'asn'>;

/** Neither the neighbourhood of the address nor its autonomous system is the same. Undefined: it cannot be told. */
export function otherNetwork(one: Where, other: Where): boolean | undefined {
  if (one.network === '' || other.network === '') return undefined;
  return one.network !== other.network && (one.asn === 0 || one.asn !== other.asn);
}

/** The person never signed in from this network. A private address is nobody's place, and the first one has nothing before it. */
export function newNetwork({ now, network, history }: RiskInput): Evidence {
  const signal = 'new_network';
  if (network.private || now.network === '') return unknown(signal, 'The network is private or unknown.');
  const before = history.filter((visit) => visit.network !== '');
  if (before.length === 0) return unknown(signal, 'There is no sign-in to compare the network with.');
  const same = before.filter((visit) => otherNetwork(now, visit) === false).length;
  return evidence(signal, {
    present: same === 0,
    values: { network: network.shown, asn: now.asn, before: same, of: before.length },
    words: `${same} of ${many(before.length, 'sign-in')} came from this network.`,
  });
}

export function newCountry({ now, network, history }: RiskInput): Evidence {
  const signal = 'new_country';
  if (network.private || now.country === '') return unknown(signal, 'The country is unknown.');
  const before = history.filter((visit) => visit.country !== '');
  if (before.length === 0) return unknown(signal, 'There is no sign-in to compare the country with.');
  const same = before.filter(({ country }) => country === now.country).length;
  return evidence(signal, {
    present: same === 0,
    values: { country: now.country, before: same, of: before.length },
    words: `${same} of ${many(before.length, 'sign-in')} came from ${now.country}.`,
  });
}

/** Faster than an airliner, its way to the airport included (km/h). */
const fastest = 1000;
/** What two databases may disagree by, whatever radius they state (km). */
const slack = 100;
/** Seconds; clocks and databases are no more exact. */
const shortest = 60;
const earthRadiusKm = 6371;

/** Only with coordinates at both ends; the radii of both are taken off the distance. */
export function impossibleTravel({ now, network, history }: RiskInput): Evidence {
  const signal = 'impossible_travel';
  const last = latest(history, ({ place }) => place !== null);
  if (network.private || !now.place || !last?.place) return unknown(signal, 'The places are not both known.');
  const between = distanceKm(now.place, last.place);
  const apart = Math.max(0, between - now.place.radiusKm - last.place.radiusKm);
  const hours = Math.max(shortest, Math.abs(now.at - last.at)) / 3600;
  const speed = apart / hours;
  return evidence(signal, {
    present: apart > slack && speed > fastest,
    values: { km: Math.round(apart), hours: round(hours), kmh: Math.round(speed) },
    words: `At least ${Math.round(apart)} km in ${round(hours)} h: ${Math.round(speed)} km/h.`,
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Along the great circle (haversine). */
export function distanceKm(one: Place, other: Place): number {
  const [a, b] = [radians(one.latitude), radians(other.latitude)];
  const dLatitude = b - a;
  const dLongitude = radians(other.longitude - one.longitude);
  const h = Math.sin(dLatitude / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(dLongitude / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, h)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

export function listedNetwork({ network }: RiskInput): Evidence {
  return evidence('listed_network', {
    present: network.listed,
    values: { network: network.shown },
    words: network.listed ? 'The network is on your list.' : 'The network is not on your list.',
  });
}

export function anonymisingNetwork({ network }: RiskInput): Evidence {
  return evidence('anonymising_network', {
    present: network.anonymising,
    values: { network: network.shown },
    words: `The network is ${network.anonymising ? '' : 'not '}on your list of VPNs, proxies, Tor and hosting.`,
  });
}
