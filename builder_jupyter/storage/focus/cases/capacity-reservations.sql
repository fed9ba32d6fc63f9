-- title: Capacity reservations
-- question: How much reserved capacity is used, how much stands idle?
-- family: commitments
-- columns: CapacityReservationId, CapacityReservationStatus, EffectiveCost
-- source: FOCUS use case library
SELECT CapacityReservationId, CapacityReservationStatus, sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE CapacityReservationId IS NOT NULL
GROUP BY ALL
ORDER BY EffectiveCost DESC, CapacityReservationId, CapacityReservationStatus
